"""Shows some rankings, and the lines that are no jobs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.text import Text

from rerankq.cli.input.files import Source
from rerankq.cli.input.lines import read_lines
from rerankq.cli.job.ranking import show_ranking
from rerankq.cli.terminal import printable, put
from rerankq.client.line_forms import fields_of, parsed
from rerankq.contract import MAX_JOB_BYTES, RerankResult, Timings

SHOWN_PREFIX: Final = "show-"
MOST_SHOWN: Final = 6
TOP: Final = 3


@dataclass(frozen=True, slots=True)
class Report:
    """The parts of an output that the demo shows."""

    rankings: list[tuple[str, RerankResult]]
    bad_lines: list[str]


def read_report(source: Path, output: Path) -> Report:
    """Pick from the output, which has a line for each line of the source."""
    report = Report([], [])
    for line, row in _pairs(source, output):
        if row["job_id"] is None:
            report.bad_lines.append(row["error"]["message"])
        elif row["status"] == "succeeded" and (row["custom_id"] or "").startswith(SHOWN_PREFIX):
            report.rankings.append((fields_of(parsed(line))["query"], _result(row)))
    return report


def show_rankings(report: Report) -> None:
    """Print the rankings that the sample has marked, the best documents of each."""
    for query, result in report.rankings[:MOST_SHOWN]:
        put("")
        Console(highlight=False).print(Text(printable(query), style="bold"), soft_wrap=True)
        show_ranking(result, most=TOP, lines=1)
    if report.rankings:
        put("")


def _pairs(source: Path, output: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    with Source.open(str(source)) as origin, output.open("rb") as rows:
        # A line that was too long to be read has a row too.
        lines = (
            b"{}" if line.text is None else line.text
            for line in read_lines(origin, limit=MAX_JOB_BYTES)
        )
        given = (line for line in lines if line.strip())
        for line, row in zip(given, rows, strict=False):
            yield line, orjson.loads(row)


def _result(row: dict[str, Any]) -> RerankResult:
    return RerankResult(
        job_id=row["job_id"],
        model="",
        results=row["results"],
        attempts=row["attempts"],
        timings=Timings(waited_seconds=0, upstream_seconds=0),
    )
