"""Figures from the upstream's log, and their targets."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

from running.upstream import Call

SERVED: Final = 200
THROTTLED: Final = 429


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value beside its target.

    Attributes:
        name: what was measured.
        value: as a share, a number or seconds; `unit` says which.
        least: the target, if more is better.
        most: the target, if less is better.
        unit: `%`, `s`, `ms` or nothing.
    """

    name: str
    value: float
    least: float | None = None
    most: float | None = None
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is met; true without a target."""
        enough = self.least is None or self.value >= self.least
        return enough and (self.most is None or self.value <= self.most)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.name,
            "value": self.value,
            "least": self.least,
            "most": self.most,
            "unit": self.unit,
            "met": self.met,
        }


@dataclass(slots=True)
class Row:
    """The result of a scenario for one entrant; only rerankq's targets decide."""

    scenario: str
    entrant: str
    figures: list[Figure] = field(default_factory=list)
    decides: bool = False
    failure: str = ""

    @property
    def met(self) -> bool:
        """Whether it was measured, and no target is missed."""
        return not self.failure and all(each.met for each in self.figures)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        figures = [each.as_json() for each in self.figures]
        return {"scenario": self.scenario, "entrant": self.entrant, "figures": figures} | {
            "failure": self.failure
        }


class Seen:
    """The calls of a period, as the upstream saw them.

    Args:
        calls: all of them, in the order of arrival.
        began: when the period began, in Unix time.
        seconds: how long it was.
    """

    def __init__(self, calls: Sequence[Call], began: float, seconds: float) -> None:
        self.began = began
        self.seconds = seconds
        self.calls = [each for each in calls if began <= each.arrived < began + seconds]
        self._served = sorted(each.arrived for each in self.calls if each.status == SERVED)

    @property
    def served(self) -> int:
        """Calls that were answered well."""
        return len(self._served)

    @property
    def throttled_share(self) -> float:
        """429s among all calls."""
        throttled = sum(each.status == THROTTLED for each in self.calls)
        return throttled / max(1, len(self.calls))

    @property
    def busy_seconds(self) -> float:
        """Seconds that served calls took, added up."""
        return sum(
            min(each.ended or each.arrived, self.began + self.seconds) - each.arrived
            for each in self.calls
            if each.status == SERVED
        )

    def most_in(self, window: float, weight: Callable[[Call], float] = lambda _: 1) -> float:
        """The most that arrived within `window` seconds: calls, or tokens."""
        times = [each.arrived for each in self.calls]
        sums = [0.0, *accumulate(map(weight, self.calls))]
        firsts = (bisect_right(times, at - window) for at in times)
        return max((sums[at + 1] - sums[first] for at, first in enumerate(firsts)), default=0)

    def found_in(self, rate: float, after: float, window: float = 2.0) -> float:
        """Seconds from `after` to the first window in which calls are served at this rate."""
        start = self.began + after
        for at in (start, *(each for each in self._served if each >= start)):
            served = bisect_left(self._served, at + window) - bisect_left(self._served, at)
            if served >= rate * window:
                return at - start
        return float("inf")
