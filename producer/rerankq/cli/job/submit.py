"""`rerankq submit`: one job from options, or from a JSON object on stdin."""

import sys
from pathlib import Path
from typing import Annotated, Any, cast

import orjson
import typer

from rerankq.cli import options
from rerankq.cli.asking import ask
from rerankq.cli.failures import CommandError, OutputClosed, OutputFailed
from rerankq.cli.input.files import Source, refuse_closed_stdout
from rerankq.cli.input.lines import read_lines
from rerankq.cli.job.jobs import Ended, ended, show_end
from rerankq.cli.terminal import put, put_json, tell
from rerankq.client import AsyncRerankClient
from rerankq.client.drafts import Submission
from rerankq.client.line_forms import fields_of, parsed
from rerankq.contract import MAX_JOB_BYTES, Lane, new_job_id
from rerankq.errors import InvalidRequest


def submit(
    *,
    query: Annotated[
        str | None, typer.Option("--query", "-q", help="What to rank the documents for.")
    ] = None,
    document: Annotated[
        list[str] | None, typer.Option("--document", "-d", help="A document; give it many times.")
    ] = None,
    documents_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with a document a line.")
    ] = None,
    top_n: options.TopN = None,
    min_score: options.MinScore = None,
    raw_scores: options.RawScores = False,
    long_documents: options.LongDocumentsOption = None,
    model: options.Model = None,
    lane: Annotated[
        Lane | None,
        typer.Option(
            help="interactive to be served at once, bulk to be served cheaply.",
            show_default="interactive",
        ),
    ] = None,
    job_id: Annotated[
        str | None, typer.Option(help="The job's id; generated when absent. A repeat is safe.")
    ] = None,
    custom_id: Annotated[str | None, typer.Option(help="A name of your own for the job.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key and request give the same job again.")
    ] = None,
    deadline_seconds: Annotated[
        float | None, typer.Option(help="The job expires when it has not ended by then.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the ranking.")] = False,
    no_reuse: options.NoReuse = False,
    timeout: options.Timeout = None,
    json: options.AsJson = False,
) -> None:
    """Submit one job and print its id.

    The job is given by options, or, without --query, as a JSON object on stdin, in either form that
    `rerankq run` reads. If both give a value, the option is used.

    Exit code: 0 it is accepted (with --wait: it has a ranking); 1 with --wait: it has none;
    2 bad input or set-up.
    """
    refuse_closed_stdout()
    options_given: dict[str, Any] = {
        "job_id": job_id,
        "top_n": top_n,
        "min_score": min_score,
        "raw_scores": raw_scores or None,
        "long_documents": long_documents,
        "model": model,
        "lane": lane,
        "custom_id": custom_id,
        "idempotency_key": idempotency_key,
        "deadline_seconds": deadline_seconds,
        "reuse": False if no_reuse else None,
    }
    if query is None and not document and documents_file is None:
        job = _from_stdin()
    else:
        job = {"query": query, "documents": _documents(document or [], documents_file)}
    given = {"lane": Lane.INTERACTIVE} | job
    given |= {name: value for name, value in options_given.items() if value is not None}

    async def handed_in(client: AsyncRerankClient) -> tuple[str, Ended | None]:
        if client.tenant is None:
            # The id is made here, so that the user can find the job also after an interrupt. A
            # tenant does not choose ids.
            given.setdefault("job_id", new_job_id())
        handle = await client.submit(**cast("Submission", given))
        if not wait:
            return handle.id, None
        tell(f"submit: {handle.id}")
        return handle.id, await ended(client, handle, timeout)

    try:
        job_id, end = ask(handed_in)
    except KeyboardInterrupt:
        known = given.get("job_id")
        where = f"its id is {known}" if known else "`rerankq jobs list` shows it"
        tell(f"submit: interrupted; if the job was recorded by then, {where}")
        raise
    if end:
        show_end(job_id, *end, json=json)
        return
    try:
        if json:
            put_json(orjson.dumps({"job_id": job_id}))
        else:
            put(job_id)
    except (OutputClosed, OutputFailed):
        # Without the id, the user might submit the job again and pay for it twice.
        tell(f"submit: the job is recorded, and runs; its id is {job_id}")
        raise


def _documents(given: list[str], file: Path | None) -> list[str]:
    if file is None:
        return given
    found, size = list(given), 0
    with Source.open(str(file), json_lines=False) as source:
        # Only newlines end a document: other separators may be part of its text.
        for line in read_lines(source, limit=MAX_JOB_BYTES):
            size += len(line.text or b"")
            if line.text is None or size > MAX_JOB_BYTES:
                raise CommandError(f"{file} is over {MAX_JOB_BYTES:,} bytes: split the job")
            try:
                text = line.text.decode("utf-8-sig" if line.number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                fault = f"line {line.number} is not valid UTF-8 ({error.reason})"
                raise CommandError(f"cannot read {file}: {fault}") from None
            if text.strip():
                found.append(text.removesuffix("\r"))
    return found


def _from_stdin() -> dict[str, Any]:
    if sys.stdin.isatty():
        raise CommandError("nothing to submit: give --query and --document, or JSON on stdin")
    text = sys.stdin.buffer.read(MAX_JOB_BYTES + 1)
    try:
        return fields_of(parsed(text if len(text) <= MAX_JOB_BYTES else None))
    except InvalidRequest as fault:
        # Who gave no option may not know that stdin is read.
        raise CommandError(f"the job on stdin: {fault}; or give --query and --document") from None
