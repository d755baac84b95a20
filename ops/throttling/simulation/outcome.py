"""The result of a simulation."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from throttling.simulation.upstream import Arrival

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that reached the upstream.

    Attributes:
        started: when it began, in seconds of virtual time, as all times here.
        seconds: how long it took.
        arrivals: the calls, in order.
        scripts: exchanges with Redis.
        waits: seconds that interactive jobs waited for their calls to begin.
    """

    started: float
    seconds: float
    arrivals: Sequence[Arrival]
    scripts: int
    waits: Sequence[float]

    @property
    def served(self) -> int:
        """Calls that were answered well."""
        return self.count(200)

    @property
    def throttled_share(self) -> float:
        """429s among all calls."""
        return self.count(429) / max(1, len(self.arrivals))

    @property
    def scripts_a_call(self) -> float:
        """Commands to Redis a call."""
        return self.scripts / max(1, len(self.arrivals))

    def count(self, status: int, since: float = 0.0, until: float = float("inf")) -> int:
        """Calls with that answer, between two times in seconds from the start."""
        return sum(each.status == status for each in self._between(since, until))

    def most_in(self, seconds: float = MINUTE) -> int:
        """Arrivals in the fullest window of that length."""
        times = [each.at for each in self.arrivals]
        firsts = (bisect_left(times, at - seconds) for at in times)
        return max((last - first + 1 for last, first in enumerate(firsts)), default=0)

    def back_at(self, rate: float, after: float, window: float = 2.0) -> float:
        """Seconds from `after` to the first window in which calls are served at this rate."""
        step = 0.25
        begin = after
        while begin + window <= self.seconds:
            if self.count(200, begin, begin + window) >= rate * window:
                return begin - after
            begin += step
        return float("inf")

    def _between(self, since: float, until: float) -> Iterator[Arrival]:
        times = [each.at - self.started for each in self.arrivals]
        return iter(self.arrivals[bisect_left(times, since) : bisect_left(times, until)])
