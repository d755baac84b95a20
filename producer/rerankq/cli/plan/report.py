"""A plan in words, with a chart of how large its jobs are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put
from rerankq.cost.duration import Pace
from rerankq.cost.plan import ModelPlan, Plan

BAR_CELLS: Final = 40
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_IN_WORDS: Final = {
    "rpm": "{:,.4g} requests a minute",
    "tpm": "{:,.6g} tokens a minute",
    "concurrency": "{:,.4g} calls at once",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the work takes.

    Attributes:
        pace: the limits.
        by_limit: the seconds that each of them makes of it; empty when none is known.
        found: whether workers have found them; else they were given.
    """

    pace: Pace
    by_limit: Mapping[str, float]
    found: bool

    @property
    def seconds(self) -> float | None:
        """The longest of them; None when none is known."""
        return max(self.by_limit.values(), default=None)


def report(name: str, plan: Plan, timing: Timing, *, reuses: bool) -> None:
    """Print the plan; `reuses`: whether scores of pairs are kept and used again."""
    rows = list(_rows(name, plan, timing, reuses=reuses))
    show_table((Column(style="dim"), Column()), rows, head=False)
    for title, sizes in (
        ("tokens a job", plan.tokens_a_job),
        ("documents a job", plan.documents_a_job),
    ):
        if sizes:
            put("")
            columns = (Column(title, right=True, whole=True), Column("jobs", right=True), Column())
            show_table(columns, _chart(sizes))


def _rows(name: str, plan: Plan, timing: Timing, *, reuses: bool) -> Sequence[tuple[str, str]]:
    reuse = f"reuse of scores {'saves' if reuses else 'would save'} about {plan.reusable:,} tokens"
    rows = [
        ("input", name),
        ("jobs", f"{plan.jobs:,}"),
        ("bad lines", f"{plan.bad_lines:,}" if plan.bad_lines else ""),
        ("pairs", f"{plan.documents:,}"),
        ("repeated in a job", _repeated(plan.repeated_in_job, plan.documents, "sent once")),
        (
            "repeated pairs",
            _repeated(plan.repeated_pairs, plan.pairs, reuse),
        ),
        ("tokens", _tokens(plan)),
        ("calls", f"{plan.calls:,}"),
        *(
            (_head("cost", plan, model), _cost(model, share))
            for model, share in plan.models.items()
        ),
        ("time", _time(timing)),
    ]
    return [row for row in rows if row[1]]


def _repeated(count: int, of: int, meaning: str) -> str:
    return f"{count:,} ({count / of:.1%}): {meaning}" if count else "0"


def _head(title: str, plan: Plan, model: str) -> str:
    return title if len(plan.models) == 1 else f"{title} of {model}"


def _tokens(plan: Plan) -> str:
    shares = plan.models.values()
    exact = sum(each.counted.jobs for each in shares if each.counted)
    if not exact:
        return f"{plan.tokens:,}, estimated" if plan.jobs else "0"
    if all(each.counted and each.counted.is_exact for each in shares):
        return f"{plan.tokens:,}, counted"
    within = f" ± {plan.error / plan.tokens:.2%}" if plan.error else ""
    estimated = sum(each.tokens for each in shares if not each.counted)
    rest = f", of which {estimated:,} estimated" if estimated else ""
    return f"{plan.tokens:,}{within}, from {exact:,} jobs counted{rest}"


def _cost(model: str, share: ModelPlan) -> str:
    price = share.price
    if price is None or share.cost is None:
        return f"unknown: no table has a price for {model}; name it in RERANKQ_PRICES"
    unit = (
        f"{price.per_million_tokens:f} a million tokens"
        if price.per_million_tokens is not None
        else f"{price.per_search:f} a search"
    )
    return f"{share.cost:,.2f} {price.currency} ({unit}, {price.as_of})"


def _time(timing: Timing) -> str:
    if timing.seconds is None:
        return "unknown: give --rpm, --tpm, or --concurrency with --seconds-per-call"
    limit = max(timing.by_limit, key=lambda each: timing.by_limit[each])
    allowed = _IN_WORDS[limit].format(getattr(timing.pace, limit))
    if limit == "concurrency":
        allowed += f" of {timing.pace.seconds_per_call:.3g} s"
    source = "as workers have found" if timing.found else "as given"
    return f"{_duration(timing.seconds)} at {allowed}, {source}"


def _duration(seconds: float) -> str:
    for unit, length, smaller, part in (
        ("d", _DAY, "h", _HOUR),
        ("h", _HOUR, "min", _MINUTE),
        ("min", _MINUTE, "s", 1),
    ):
        if seconds >= length:
            return f"{int(seconds // length):,} {unit} {int(seconds % length // part)} {smaller}"
    return f"{seconds:.3g} s"


def _chart(sizes: Counter[int]) -> list[tuple[str, str, str]]:
    """A row for each power of two: what it holds, how many jobs, and a bar."""
    most = max(sizes.values())
    return [
        (_range(bits), f"{sizes[bits]:,}", "█" * -(-sizes[bits] * BAR_CELLS // most))
        for bits in range(min(sizes), max(sizes) + 1)
    ]


def _range(bits: int) -> str:
    least, most = (1 << bits) >> 1, (1 << bits) - 1
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"
