"""The rows as a table in Markdown: figures beside targets."""

from collections.abc import Sequence

from throttling.figures import Figure, Row

HEADER = "| scenario | who | figures (target) | |\n|---|---|---|---|"


def report(rows: Sequence[Row]) -> str:
    """All rows."""
    return "\n".join([HEADER, *map(_line, rows)])


def _line(row: Row) -> str:
    figures = row.failure or ", ".join(_figure(each, judged=row.decides) for each in row.figures)
    end = ("met" if row.met else "missed") if row.decides else ""
    return f"| {row.scenario} | {row.entrant} | {figures} | {end} |"


def _figure(figure: Figure, *, judged: bool) -> str:
    shown = f"{figure.name} {_value(figure, figure.value)}"
    if not judged:
        return shown
    if figure.least is not None:
        shown += f" (≥ {_value(figure, figure.least)})"
    if figure.most is not None:
        shown += f" (≤ {_value(figure, figure.most)})"
    return shown if figure.met else f"**{shown}**"


def _value(figure: Figure, value: float) -> str:
    if figure.unit == "%":
        return f"{value:.2%}"
    return f"{value:.3g} {figure.unit}".strip()
