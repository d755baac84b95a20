"""What a scenario is: limits of the upstream, the entrants, and how they are measured."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from running.redis_server import RedisServer
from running.upstream import Upstream
from running.waiting import eventually
from throttling.entrants import OURS, Entrant, Place
from throttling.figures import Figure, Row, Seen

WARM_SECONDS: Final = 3.0
"""After the first call, the workers have this long to start and to learn of each other."""
SPARE_JOBS: Final = 1.15
START_SECONDS: Final = 180.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run of a given length.

    Attributes:
        name: on the command line and in the table.
        limits: of the upstream in the first, the middle and the last third.
        rates: calls a second that each of these limits allows.
        known: the limits that are set for the workers.
        latency_ms: of the upstream.
        entrants: what is measured.
        judge: the figures, from what was seen.
        during: what else happens, for the given place and seconds; returns its own figures.
        interactive: whether a worker of the interactive lane takes part.
        length: its duration, as a multiple of that of other scenarios.
    """

    name: str
    limits: Sequence[Mapping[str, Any]]
    rates: Sequence[float]
    judge: Callable[["Scenario", Seen], list[Figure]]
    known: Mapping[str, int] = field(default_factory=dict)
    latency_ms: float = 100
    entrants: Sequence[Entrant] = (OURS,)
    during: Callable[[Place, float], list[Figure]] | None = None
    interactive: bool = False
    length: float = 1.0

    def ideal(self, seconds: float) -> float:
        """Calls that the limits allow in that time."""
        return sum(self.rates) / len(self.rates) * seconds

    def run(self, entrant: Entrant, seconds: float) -> Row:
        """Measure an entrant, for `length` times as many seconds."""
        seconds *= self.length
        row = Row(self.name, entrant.name, decides=entrant is OURS)
        with _place(self.latency_ms) as place:
            place.upstream.set_limits(default=dict(self.limits[0]))
            known = {name: value for name, value in self.known.items() if value}
            with entrant.workers(place, known, interactive=self.interactive):
                entrant.feed(place, int(self.ideal(seconds + WARM_SECONDS) * SPARE_JOBS) + 100)
                eventually(
                    lambda: place.upstream.stats()["requests"] > 0, "a call", seconds=START_SECONDS
                )
                time.sleep(WARM_SECONDS)
                began, asked = time.time(), _exchanges(place)
                extra = self._pass(place, seconds)
                seen = Seen(place.upstream.calls(), began, seconds)
                cost = (_exchanges(place) - asked) / max(1, len(seen.calls))
        row.figures = [*self.judge(self, seen), *extra]
        if entrant is OURS:
            most = 0.1 if self.known and not self.interactive and not self.during else None
            row.figures.append(Figure("Redis commands a call", cost, most=most))
        return row

    def _pass(self, place: Place, seconds: float) -> list[Figure]:
        if self.during:
            return self.during(place, seconds)
        until = time.monotonic()
        for limit in self.limits:
            place.upstream.set_limits(default=dict(limit))
            until += seconds / len(self.limits)
            time.sleep(max(0.0, until - time.monotonic()))
        return []


@contextmanager
def _place(latency_ms: float) -> Iterator[Place]:
    with TemporaryDirectory(prefix="rerankq-throttling-") as name:
        folder = Path(name)
        with RedisServer(folder) as redis, Upstream(folder, latency_ms=latency_ms) as upstream:
            yield Place(redis, upstream, folder)


def _exchanges(place: Place) -> int:
    """How often the limiter's script ran: only this script uses SADD, once in each run."""
    with place.redis.client() as client:
        return int(client.info("commandstats").get("cmdstat_sadd", {}).get("calls", 0))
