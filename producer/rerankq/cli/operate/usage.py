"""`rerankq usage`."""

from typing import Annotated, Final

import typer

from rerankq.cli.asking import ask
from rerankq.cli.failures import CommandError
from rerankq.cli.operate.usage_files import UsageFormat, write
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put
from rerankq.contract import UsageCounts, UsageReport

_COUNTS: Final = (
    *("jobs", "calls", "retries", "pairs"),
    *("reported", "counted", "estimated", "pairs reused", "tokens saved", "cost"),
)


def usage(
    *,
    by: Annotated[
        str,
        typer.Option(
            metavar="PARTS",
            help="What a row stands for: some of day, tenant, model, site, key and batch.",
        ),
    ] = "day",
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="DAY", help="The first day; 29 days before the last one."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="The last day; today.")
    ] = None,
    form: Annotated[
        UsageFormat, typer.Option("--format", help="How it is written.")
    ] = UsageFormat.TABLE,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where it goes, in place of stdout."),
    ] = None,
) -> None:
    """Show what calls have used.

    Calls, tokens, what reuse has saved, and the cost by the prices of models: a row a day, or
    whatever `--by day,tenant` names; days are in UTC. Tokens are in one of three figures: reported
    by the upstream, else counted with the model's tokenizer, else estimated. Where workers died,
    nobody knows whether their last calls were made: `5 to 7` calls are at least 5 and at most 7.
    With `batch`, the days are those on which the batches were opened.
    """
    parts = [each.strip() for each in by.split(",") if each.strip()]
    report = ask(lambda client: client.usage(parts, since=since, until=until))
    if form is not UsageFormat.TABLE:
        write(report, form, output)
    elif output is not None:
        raise CommandError("a table goes to stdout: choose another --format for a file")
    elif not report.rows:
        put(f"no call was counted from {report.since} to {report.until}")
    else:
        _show(report)


def _show(report: UsageReport) -> None:
    columns = [Column(str(each), whole=True) for each in report.by]
    columns += [Column(each, right=True) for each in _COUNTS]
    rows = [
        (*(getattr(row, each) or "-" for each in report.by), *_cells(row)) for row in report.rows
    ]
    if report.by and len(rows) > 1:
        names = ["total", *("" for _ in report.by[1:])]
        rows.append((*names, *_cells(report.total)))
    show_table(columns, rows)


def _cells(counts: UsageCounts) -> tuple[str, ...]:
    figures = (
        *(counts.retries, counts.pairs),
        *(counts.reported_tokens, counts.counted_tokens, counts.estimated_tokens),
        *(counts.reused_pairs, counts.reused_tokens),
    )
    calls = _range(counts.calls, counts.calls + counts.uncertain_calls)
    return f"{counts.jobs:,}", calls, *(f"{each:,}" for each in figures), _cost(counts)


def _range(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _cost(counts: UsageCounts) -> str:
    """What is known of the cost; with a plus sign when the price of some tokens is not known."""
    costs = " + ".join(f"{cost:,.4f} {currency}" for currency, cost in counts.costs.items())
    if counts.unpriced_tokens:
        return f"{costs} + ?" if costs else "?"
    return costs or "-"
