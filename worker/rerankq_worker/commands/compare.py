"""`rerankq compare`: two models or sites on the same questions, side by side."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated, BinaryIO, cast

import orjson
import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from rerankq.cli import options
from rerankq.cli.failures import CommandError, ExitCode
from rerankq.cli.input.files import Source
from rerankq.cli.input.lines import read_lines
from rerankq.cli.settings import ENV_FILE
from rerankq.cli.terminal import LenientStderr, put_json, tell
from rerankq.contract import MAX_JOB_BYTES
from rerankq.cost.prices import Prices
from rerankq.counting import counted
from rerankq.errors import InvalidRequest, SettingsError
from rerankq.secret_files import Variables
from rerankq.store.first_contact import look
from rerankq.variables import named_values
from rerankq_worker.comparison import report
from rerankq_worker.comparison.calling import Caller, shared_routes
from rerankq_worker.comparison.comparing import compare as compared
from rerankq_worker.comparison.figures import Compared, totals
from rerankq_worker.comparison.quality import require_measures
from rerankq_worker.comparison.questions import Qrels, Question, question_from, read_qrels
from rerankq_worker.comparison.target import Target, target_from
from rerankq_worker.settings import WorkerSettings

_TARGET = "A site of RERANKQ_UPSTREAM_FILE, SITE:MODEL, or a model of the first site that has it."


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help=_TARGET)],
    second: Annotated[str, typer.Argument(metavar="B", help=_TARGET)],
    questions: Annotated[
        str,
        typer.Argument(
            metavar="SET",
            help="JSON Lines as for `rerankq run`, each with query and documents; with judgements "
            "in `relevance`, the documents' grades from 0, or `relevant`, the indices of the "
            "relevant ones. - is stdin.",
        ),
    ],
    *,
    qrels: Annotated[
        Path | None,
        typer.Option(
            help="File of judgements as TREC has them: query, 0, document, grade. The query is a "
            "line's custom_id, the document the id of a document."
        ),
    ] = None,
    at_once: Annotated[
        int, typer.Option("--concurrency", min=1, help="How many questions are asked at once.")
    ] = 4,
    most: Annotated[
        int | None, typer.Option("--limit", min=1, help="Ask only the first so many questions.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds after which a question is given up.")
    ] = 300.0,
    details: Annotated[
        Path | None,
        typer.Option(help="Write a JSON line of figures for each question to this file."),
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Compare two models or sites on the same questions.

    Both get each question at the same time. Shown are how many of the best documents they share,
    the correlation of their ranks, and calls, tokens and latency of each; where documents are
    judged, also nDCG, MRR and recall with confidence intervals. The calls keep the limits that
    workers share, with the precedence of bulk jobs. They go through no queue, so they leave no jobs
    behind, and they are paid for.

    Exit code: 0 all questions were compared; 1 some were not; 2 bad input or set-up.
    """
    settings = WorkerSettings.load(env_file=ENV_FILE)
    sites = settings.sites(Variables(os.environ, named_values(ENV_FILE)))
    prices = Prices.load(settings.prices)
    one, other = (target_from(each, sites, settings.model) for each in (first, second))
    sides = replace(one, price=prices.of(one.model)), replace(other, price=prices.of(other.model))
    if sides[0] == sides[1]:
        raise SettingsError(f"{sides[0].name} would be compared with itself")
    judgements = _qrels(qrels) if qrels else {}
    with Source.open(questions) as source:
        reader = _Reader(source, judgements, settings.model, most)
        rows = asyncio.run(_rows(reader, settings, sides, at_once, timeout, details))
    if not rows:
        raise CommandError(f"{source.name} has no question to compare")
    found = totals(rows)
    report.tell_failures(found, sides)
    if json:
        put_json(orjson.dumps(report.as_json(found, sides)))
    else:
        report.show(found, sides)
    if found.both < found.questions or reader.rejected:
        raise typer.Exit(ExitCode.NO_RANKING)


def _qrels(path: Path) -> Qrels:
    try:
        with path.open(encoding="utf-8") as file:
            found = read_qrels(file)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"cannot read {path}: it is not UTF-8 text") from None
    require_measures()
    return found


class _Reader:
    """Reads questions one by one; a line that is none is told of, and left out."""

    def __init__(self, source: Source, qrels: Qrels, model: str, most: int | None) -> None:
        self._source = source
        self._qrels = qrels
        self._model = model
        self._most = most
        self.rejected = 0

    def __iter__(self) -> Iterator[Question]:
        left = self._most
        for line in read_lines(self._source, limit=MAX_JOB_BYTES):
            if left == 0:
                return
            if line.text is not None and (not line.text or line.text.isspace()):
                continue
            try:
                question = question_from(
                    line.text, line.number, qrels=self._qrels, model=self._model
                )
            except InvalidRequest as fault:
                self.rejected += 1
                tell(f"rerankq: left out: {fault}")
                continue
            if question.grades is not None:
                require_measures()
            left = None if left is None else left - 1
            yield question


async def _rows(
    reader: _Reader,
    settings: WorkerSettings,
    sides: tuple[Target, Target],
    at_once: int,
    give_up_seconds: float,
    details: Path | None,
) -> list[Compared]:
    if problem := await look(settings.redis_url, settings.namespace):
        raise problem
    sites = list({each.site.name: each.site for each in sides}.values())
    rows: list[Compared] = []
    with _details(details) as file, _progress() as progress:
        task = progress.add_task("", total=None)
        async with shared_routes(settings, sites) as routes:
            caller = Caller(routes, give_up_seconds=give_up_seconds)
            async for row in compared(reader, sides, caller, at_once=at_once):
                rows.append(row)
                progress.update(task, description=counted(len(rows), "question"))
                if file:
                    file.write(orjson.dumps(report.details(row)) + b"\n")
    return rows


def _progress() -> Progress:
    """Shown on a terminal only."""
    console = Console(file=cast("IO[str]", LenientStderr()), soft_wrap=True)
    columns = TextColumn("{task.description}"), TimeElapsedColumn()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def _details(path: Path | None) -> Iterator[BinaryIO | None]:
    if path is None:
        yield None
        return
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from None
