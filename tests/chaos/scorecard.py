"""The results of all rounds, as a table and as JSON."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from chaos.catalogue import row
from chaos.row import Report, Row

HEADINGS: Final = (
    "row", "rounds", "jobs", "lost", "stuck", "wrong", "D", "F",
    "recovery p50", "p99", "also measured", "verdict",
)  # fmt: skip


@dataclass(slots=True)
class Score:
    """A row's rounds, added up."""

    row: Row
    planned: int
    reports: list[Report] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def broken(self) -> list[str]:
        """The demands that were not met, in any round or over all of them."""
        found = [f"round {at}: {what}" for at, what in self._by_round()]
        slow = percentile(self.recoveries, 0.99)
        most = self.row.recovery_p99
        if most is not None and slow is not None and slow > most:
            found.append(f"first recovered job within {most:g} s (p99): {slow:.1f} s")
        return self.failures + found

    @property
    def recoveries(self) -> list[float]:
        """Seconds from each fault to the first recovered job."""
        return [seconds for report in self.reports for seconds in report.recoveries]

    @property
    def verdict(self) -> str:
        """One word, or the reason for skipping."""
        if self.skipped:
            return f"skipped: {self.skipped}"
        if self.broken:
            return "BROKEN"
        if not self.reports:
            return "not played"
        return "held" if self.is_whole else "held, cut short"

    @property
    def is_whole(self) -> bool:
        """Whether all rounds that this machine can run were run."""
        return bool(self.skipped) or len(self.reports) + len(self.failures) >= self.planned

    @property
    def was_played(self) -> bool:
        """Whether any round was run, or the row was skipped."""
        return bool(self.skipped or self.reports or self.failures)

    def total(self, name: str) -> int:
        """The sum of a count over all rounds."""
        return sum(getattr(report, name) or 0 for report in self.reports)

    def cells(self) -> list[str]:
        """The row of the table."""
        known = any(report.in_flight is not None for report in self.reports)
        return [
            self.row.name,
            f"{len(self.reports)} of {self.planned}",
            f"{self.total('jobs'):,}",
            *(f"{self.total(name):,}" for name in ("lost", "stuck", "wrong", "repeats")),
            f"{self.total('in_flight'):,}" if known else "",
            _seconds(percentile(self.recoveries, 0.5)),
            _seconds(percentile(self.recoveries, 0.99)),
            ", ".join(f"{name} {most:.4g}" for name, most in self._figures().items()),
            self.verdict,
        ]

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "row": self.row.name,
            "fault": self.row.fault,
            "demand": self.row.demand,
            "rounds_planned": self.planned,
            "jobs": self.total("jobs"),
            "lost": self.total("lost"),
            "stuck": self.total("stuck"),
            "wrong": self.total("wrong"),
            "extra_calls": self.total("repeats"),
            "in_flight_at_faults": self.total("in_flight"),
            "recovery_p50": percentile(self.recoveries, 0.5),
            "recovery_p99": percentile(self.recoveries, 0.99),
            "failures": self.failures,
            "skipped": self.skipped,
            "broken": self.broken,
            "verdict": self.verdict,
            "rounds": [asdict(report) for report in self.reports],
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """Read what `as_json` gave; the demands are those of the row as it is now.

        Raises:
            KeyError: there is no such row any more.
        """
        reports = [Report(**each) for each in told["rounds"]]
        return cls(
            row(told["row"]),
            told["rounds_planned"],
            reports,
            told.get("failures", []),
            told.get("skipped", ""),
        )

    def _by_round(self) -> Iterable[tuple[int, str]]:
        for number, report in enumerate(self.reports, 1):
            for what in report.broken:
                yield number, what

    def _figures(self) -> dict[str, float]:
        """The largest value of each figure: the demand is about that one."""
        found: dict[str, float] = {}
        for report in self.reports:
            for name, value in report.figures.items():
                found[name] = max(value, found.get(name, -math.inf))
        return found


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of the values do not exceed; None when there are none."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def table(scores: Sequence[Score]) -> str:
    """The scorecard as a Markdown table, in columns that line up."""
    rows = [list(HEADINGS), *(score.cells() for score in scores)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADINGS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def complaints(scores: Sequence[Score]) -> str:
    """Every demand that was not met."""
    return "\n".join(f"{score.row.name}: {what}" for score in scores for what in score.broken)


def gaps(scores: Sequence[Score]) -> str:
    """The rounds that were not run because the time was over."""
    return "\n".join(
        f"{score.row.name}: {len(score.reports) + len(score.failures)} of {score.planned} rounds"
        for score in scores
        if not score.is_whole
    )


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"
