"""The tables of a comparison, and the same as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, tell
from rerankq.counting import counted
from rerankq_worker.comparison.calling import Answered, Unanswered
from rerankq_worker.comparison.confidence import Mean
from rerankq_worker.comparison.figures import Compared, Side, Totals
from rerankq_worker.comparison.target import Target

Sides = tuple[Target, Target]


def show(found: Totals, sides: Sides) -> None:
    """Print the tables."""
    put(f"{counted(found.questions, 'question')}, {found.both:,} answered by both sides")
    put("")
    show_table(_SIDE_COLUMNS, [_row(*each) for each in zip("AB", sides, found.sides, strict=True)])
    if found.both:
        put("")
        show_table(_AGREEMENT_COLUMNS, list(_agreement_rows(found)))
    if found.quality:
        put("")
        show_table(
            _QUALITY_COLUMNS,
            [[name, *map(_mean, means)] for name, means in found.quality.items()],
        )
        judged = next(iter(found.quality.values()))[0].of
        put(f"of {counted(judged, 'question')} with a relevant document; intervals of 95 %")


def tell_failures(found: Totals, sides: Sides) -> None:
    """Say on stderr why questions have no answer: the first message of each kind."""
    for target, side in zip(sides, found.sides, strict=True):
        for code, message in side.messages.items():
            tell(f"rerankq: {target.name}: {side.failed[code]:,} {code}: {message}")


_SIDE_COLUMNS = (
    Column("", whole=True),
    Column("target"),
    Column("answered", right=True, whole=True),
    Column("failed", right=True),
    Column("calls", right=True, whole=True),
    Column("tokens", right=True, whole=True),
    Column("cost", right=True, whole=True),
    Column("p50", right=True, whole=True),
    Column("p95", right=True, whole=True),
)
_AGREEMENT_COLUMNS = (Column("agreement", whole=True), Column("mean [95 %]", whole=True))
_QUALITY_COLUMNS = (
    Column("quality", whole=True),
    Column("A", whole=True),
    Column("B", whole=True),
    Column("B - A", whole=True),
)


def _row(letter: str, target: Target, side: Side) -> list[str]:
    failed = ", ".join(f"{count:,} {code}" for code, count in side.failed.items()) or "0"
    times = (_seconds(side.latency(share)) for share in (0.5, 0.95))
    figures = (
        f"{side.answered:,}",
        failed,
        f"{side.calls:,}",
        f"{side.tokens:,}",
        _cost(target, side),
    )
    return [letter, target.name, *figures, *times]


def _cost(target: Target, side: Side) -> str:
    cost = cost_of(target, side)
    return (
        "unknown" if target.price is None or cost is None else f"{cost:.4f} {target.price.currency}"
    )


def cost_of(target: Target, side: Side) -> Decimal | None:
    """What the answers cost, in the currency of the price; None if the price is not known."""
    if target.price is None:
        return None
    return target.price.cost(tokens=side.tokens, searches=side.answered)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:,.0f} ms"


def _agreement_rows(found: Totals) -> list[list[str]]:
    rows = [[f"same in the top {top}", _mean(mean)] for top, mean in found.overlap.items()]
    if found.rank_correlation:
        rows.append(["rank correlation", _mean(found.rank_correlation)])
    return rows or [["no list is long enough to differ", "-"]]


def _mean(mean: Mean) -> str:
    if mean.low is None or mean.high is None:
        return f"{mean.value:.3f}"
    return f"{mean.value:.3f} [{mean.low:.3f}, {mean.high:.3f}]"


def as_json(found: Totals, sides: Sides) -> dict[str, Any]:
    """The same figures, without rounding."""
    return {
        "questions": found.questions,
        "answered_by_both": found.both,
        "sides": [_side(*each) for each in zip(sides, found.sides, strict=True)],
        "overlap": {str(top): mean._asdict() for top, mean in found.overlap.items()},
        "rank_correlation": found.rank_correlation and found.rank_correlation._asdict(),
        "quality": {name: _measures(means) for name, means in found.quality.items()},
    }


def _side(target: Target, side: Side) -> dict[str, Any]:
    return {
        "site": target.site.name,
        "model": target.model,
        "answered": side.answered,
        "failed": dict(side.failed),
        "calls": side.calls,
        "tokens": side.tokens,
        "cost": None if (cost := cost_of(target, side)) is None else float(cost),
        "currency": target.price.currency if target.price else None,
        "seconds": {"p50": side.latency(0.5), "p95": side.latency(0.95)},
    }


def _measures(means: tuple[Mean, Mean, Mean]) -> dict[str, Any]:
    names = "first", "second", "difference"
    return {name: mean._asdict() for name, mean in zip(names, means, strict=True)}


def details(row: Compared) -> dict[str, Any]:
    """One question as a line of the file of details: figures only, no text."""
    agreed = row.agreement
    return {
        "question": row.name,
        "documents": row.documents,
        "overlap": _by_text(agreed.overlap) if agreed else None,
        "rank_correlation": agreed.rank_correlation if agreed else None,
        "sides": [
            _answer(answer) | {"quality": dict(measured)}
            for answer, measured in zip(row.answers, row.quality, strict=True)
        ],
    }


def _by_text(overlap: Mapping[int, float]) -> dict[str, float]:
    return {str(top): share for top, share in overlap.items()}


def _answer(answer: Answered | Unanswered) -> dict[str, Any]:
    if isinstance(answer, Answered):
        # As a list, in the order of the documents.
        return asdict(answer) | {"scores": [each for _, each in sorted(answer.scores.items())]}
    return {"error": asdict(answer)}
