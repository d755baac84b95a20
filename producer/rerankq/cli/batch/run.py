"""`rerankq run` and `rerankq results`."""

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from rerankq.cli import options
from rerankq.cli.batch.checkpoint import Checkpoint
from rerankq.cli.batch.closing import close
from rerankq.cli.batch.command import Manner, fetch_batch, run_batch
from rerankq.cli.batch.feed import OnError
from rerankq.cli.batch.outputs import TAG, open_output, open_ranked
from rerankq.cli.batch.run_settings import files_of, settings_of
from rerankq.cli.failures import CommandError, ExitCode
from rerankq.cli.input.files import STANDARD
from rerankq.cli.input.job_lines import Defaults
from rerankq.cli.input.opening import Format, open_input
from rerankq.cli.input.parquet.columns import assignments
from rerankq.cli.input.trec.queries import Missing, TrecFiles, TrecInput
from rerankq.cli.settings import load
from rerankq.cli.terminal import tell


def run(
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A file with a JSON object a line, also as gzip or Zstandard, or a Parquet file; "
            "- is stdin.",
        ),
    ],
    output: options.Output = STANDARD,
    lane: options.LaneOption = None,
    model: options.Model = None,
    top_n: options.TopN = None,
    min_score: options.MinScore = None,
    raw_scores: options.RawScores = False,
    long_documents: options.LongDocumentsOption = None,
    instruction: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Instruction of jobs that have none.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="Format of the input; auto: by its first bytes.")
    ] = Format.AUTO,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=COLUMN", help="Column of a Parquet file that holds a field; repeatable."
        ),
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="With --format trec: the documents, JSON Lines or TSV."),
    ] = None,
    topics: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="With --format trec: the queries, JSON Lines or TSV."),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="With --format trec: the best N of each query."),
    ] = None,
    missing: Annotated[
        Missing,
        typer.Option(help="With --format trec: what to do with documents that are not there."),
    ] = Missing.ERROR,
    tag: Annotated[
        str, typer.Option(metavar="NAME", help="With --format trec: the tag of the new run.")
    ] = TAG,
    skip: Annotated[
        int, typer.Option(metavar="N", min=0, help="Leave out the first N jobs of the input.")
    ] = 0,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Remember in this file what was submitted, and go on from there."
        ),
    ] = None,
    on_error: Annotated[
        OnError, typer.Option(help="After a bad line: go on with the next, or submit no more.")
    ] = OnError.SKIP,
    no_reuse: options.NoReuse = False,
    budget: options.Budget = None,
    timeout: options.Timeout = None,
    quiet: options.Quiet = False,
    json: options.JsonSummary = False,
) -> None:
    """Run a file of jobs and write their rankings, in order.

    An input line is an object with `query` and `documents`, and any of `top_n`, `custom_id`,
    `model`, `return_documents`, `instruction`, `min_score`, `raw_scores`, `long_documents`,
    `lane`, `metadata`, `not_before`, `deadline_seconds`, `idempotency_key` and `reuse`; or, as in
    OpenAI's batch files, one with `custom_id`, `method` (POST), `url` (/v1/rerank) and `body`.
    Other fields are ignored, blank lines skipped. A Parquet file has these as columns; --column
    names those that are called otherwise. With --format trec the input is a TREC run: each query
    is a job, and the output is a run with new ranks and scores.

    Each gets an output line with `custom_id`, `job_id`, `status`, `results`, `usage`, `attempts`
    and, where it has no ranking, `error`. The status is `succeeded`, `failed`, `cancelled` or
    `expired`. A bad line is reported on stderr by its number, and keeps its place in the output.
    An output that ends in .parquet is a table, one in .gz or .zst is compressed.

    With a budget, the estimated cost of each job is reserved before it is submitted. When the next
    job does not fit in, the rest of the input waits, until jobs have cost less than was reserved or
    `rerankq batch budget` raises it.

    Ctrl-C leaves the jobs running, and prints the command that fetches their rankings. With
    --checkpoint the same command goes on after any end: nothing is submitted twice.

    Exit code: 0 all have a ranking, 1 some have none, 2 bad input or set-up.
    """
    settings = load()
    if source == STANDARD and sys.stdin and sys.stdin.isatty() and not quiet:
        tell("run: reading jobs from this terminal, one a line, until Ctrl-D")
    if budget is not None and checkpoint is not None:
        raise CommandError(
            "--budget is of one batch, and a run with --checkpoint may open several: give one of "
            "them"
        )
    columns = assignments(column or ())
    defaults = Defaults(
        model=model or settings.model,
        lane=lane,
        top_n=top_n,
        min_score=min_score,
        raw_scores=raw_scores or None,
        long_documents=long_documents,
        instruction=instruction,
        reuse=False if no_reuse else None,
    )
    trec = TrecFiles(corpus, topics, depth, missing) if corpus and topics else None
    with open_input(source, form, columns, trec) as origin, ExitStack() as exits:
        # Before the output is touched: an input that is no text is refused at once.
        origin.begin()
        if origin.compression and not quiet:
            tell(f"run: {origin.name} is {origin.compression}: unpacked while reading")
        if isinstance(origin, TrecInput) and origin.left_out and not quiet:
            tell(f"run: {origin.left_out}")
        remembered = None
        if checkpoint is not None:
            given = settings_of(
                settings, defaults, skip=skip, columns=columns, form=form, trec=trec
            )
            files = files_of(source, trec, output)
            remembered = exits.enter_context(Checkpoint.open(checkpoint, {**given, **files}))
            if remembered.is_complete and Path(output).exists():
                tell(
                    f"run: {output} is complete, as {checkpoint} says: nothing was submitted; "
                    "name another checkpoint to run it anew"
                )
                raise typer.Exit(ExitCode.DONE)
        sink = exits.enter_context(
            open_ranked(output, origin, lambda said: tell(f"run: {said}"), tag=tag)
        )
        running = run_batch(
            settings,
            origin,
            sink,
            Manner("run", quiet=quiet, seconds=timeout),
            defaults=defaults,
            on_error=on_error,
            skip=skip,
            budget=budget,
            checkpoint=remembered,
        )
        outcome, feed = asyncio.run(running)
    code = close(
        "run",
        outcome,
        output=output,
        feed=feed,
        quiet=quiet,
        json=json,
        source=origin,
        checkpoint=checkpoint,
    )
    raise typer.Exit(code)


def results(
    *,
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="The id that run showed.")],
    output: options.Output = STANDARD,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Wait for jobs, or leave out unfinished ones."),
    ] = True,
    timeout: options.Timeout = None,
    quiet: options.Quiet = False,
    json: options.JsonSummary = False,
) -> None:
    """Write the rankings of a batch that was run before.

    The output is that of `rerankq run`. A batch is kept for RERANKQ_BATCH_TTL (31 days), and so
    are its rankings until all of them have been written; from then on for RERANKQ_RESULT_TTL.

    A batch that was never sealed, and whose `rerankq run` gives no sign of life, is abandoned:
    its rankings so far are written, and lines may be missing.

    If `rerankq run` ended before it had submitted its whole input, the first line that was not
    submitted is printed.

    Exit code: 0 all have a ranking; 1 some have none (yet), or lines were never submitted; 2 bad
    set-up.
    """
    settings = load()
    manner = Manner("results", quiet=quiet, seconds=timeout)
    with open_output(output) as sink:
        outcome = asyncio.run(fetch_batch(settings, batch, sink, manner, wait=wait))
    raise typer.Exit(close("results", outcome, output=output, feed=None, quiet=quiet, json=json))
