"""The rows as text: a table for each load, and rerankq's ratios to the others."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final

from bench.catalogue import SCENARIOS
from bench.roster import OURS, Kind
from bench.scenario import Column, Row, Scenario

NONE: Final = "-"
_SCENARIOS: Final = {scenario.name: scenario for scenario in SCENARIOS}
_RATIO_HEADINGS: Final = (
    *("scenario", "figure", OURS, "to the bare loop"),
    *("to the best peer", "which is", "to the best batched by hand", "which is"),
)


def report(rows: Sequence[Row]) -> str:
    """All of it, in Markdown."""
    parts = []
    for name, group in groupby(rows, key=lambda row: row.scenario):
        scenario = _SCENARIOS[name]
        parts += [f"### {name}: {scenario.about}", _figures(scenario, list(group))]
    ratios = list(_ratios(rows))
    if ratios:
        parts += ["### rerankq's figure as a ratio of the others'", _table(_RATIO_HEADINGS, ratios)]
    parts += [f"{row.scenario}, {row.entry.name}: {row.failure}" for row in rows if row.failure]
    return "\n\n".join(parts)


def _figures(scenario: Scenario, rows: Sequence[Row]) -> str:
    headings = ("", "load", *(column.heading for column in scenario.columns))
    lines = [
        [row.entry.name, _load(row), *(_shown(row, column) for column in scenario.columns)]
        for row in rows
    ]
    return _table(headings, lines)


def _ratios(rows: Sequence[Row]) -> Iterator[list[str]]:
    for row in rows:
        if row.entry.name != OURS or not row.figures:
            continue
        beside = [
            each
            for each in rows
            if (each.scenario, each.load) == (row.scenario, row.load) and each.figures
        ]
        for column in _SCENARIOS[row.scenario].columns:
            compared = column.higher_is_better is not None and len(beside) > 1
            if compared and column.figure in row.figures:
                yield _ratio_line(row, column, beside)


def _ratio_line(row: Row, column: Column, beside: Sequence[Row]) -> list[str]:
    bare, peer, batched = (
        best(beside, kind, column) for kind in (Kind.BARE, Kind.PEER, Kind.BATCHED)
    )
    return [
        ", ".join(filter(None, (row.scenario, row.load.label))),
        column.heading,
        _shown(row, column),
        _ratio(row, bare, column),
        *(_ratio(row, peer, column), peer.entry.name if peer else NONE),
        *(_ratio(row, batched, column), batched.entry.name if batched else NONE),
    ]


def best(rows: Sequence[Row], kind: Kind, column: Column) -> Row | None:
    """The best of a kind at one figure; None when there is none."""
    having = [row for row in rows if row.entry.kind is kind and column.figure in row.figures]
    choose: Callable[..., Row | None] = max if column.higher_is_better else min
    return choose(having, key=lambda row: row.figures[column.figure], default=None)


def _ratio(row: Row, other: Row | None, column: Column) -> str:
    if other is None or not other.figures[column.figure]:
        return NONE
    return f"{row.figures[column.figure] / other.figures[column.figure]:.2f}"


def _load(row: Row) -> str:
    return row.load.label or f"{row.load.jobs:,} jobs"


def _shown(row: Row, column: Column) -> str:
    value = row.figures.get(column.figure)
    return NONE if value is None else f"{value:,.{column.digits}f}"


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [headings, *lines]
    widths = [max(len(row[at]) for row in rows) for at in range(len(headings))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown)
