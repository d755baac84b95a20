"""The scenarios of the benchmark: limits that are known or not, and what must hold."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rerankq import RerankClient
from rerankq.contract import Lane
from running.redis_server import RedisServer
from running.upstream import Upstream
from running.waiting import eventually
from throttling.entrants import OURS, RATE_LIMIT, RETRIES, Entrant, Place
from throttling.figures import Figure, Row, Seen

RPM: Final = 6000
SECOND: Final = 60.0
WARM_SECONDS: Final = 3.0
"""From the first call on, in which workers start and find out about each other."""
SPARE_JOBS: Final = 1.15
LOT_SECONDS: Final = 0.5
START_SECONDS: Final = 180.0
OUTAGE_SHARE: Final = 0.6
BREAKING_SECONDS: Final = 5.0
"""In which failures are proof enough of an outage."""
INTERACTIVE_RPM: Final = 1200
INTERACTIVE_APART: Final = 0.5
PIPELINE_SECONDS: Final = 0.05
"""From submit to call without any limit, on a busy machine: not the limiter's."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run of a given length.

    Attributes:
        name: on the command line and in the table.
        limits: of the upstream: at first, in the middle third, and at last.
        rates: calls a second that each of them allows.
        known: what workers are told.
        latency_ms: of the upstream.
        entrants: who takes part.
        judge: the figures, from what was seen.
        during: what else happens, given where and how long; returns figures of its own.
        interactive: whether a worker of the interactive lane takes part.
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

    def ideal(self, seconds: float) -> float:
        """Calls that the limits allow in that time."""
        return sum(self.rates) / len(self.rates) * seconds

    def run(self, entrant: Entrant, seconds: float) -> Row:
        """Measure an entrant."""
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
    """How often the limiter's script ran: it alone uses this command, once a run."""
    with place.redis.client() as client:
        return int(client.info("commandstats").get("cmdstat_sadd", {}).get("calls", 0))


# Judges.


def _known_rate(scenario: Scenario, seen: Seen) -> list[Figure]:
    ideal = scenario.ideal(seen.seconds)
    window = min(SECOND, seen.seconds)
    allowed = scenario.rates[0] * window
    return [
        Figure("work", seen.served / ideal, least=0.98, unit="%"),
        Figure("429s", seen.throttled_share, most=0.001, unit="%"),
        Figure(
            "over the limit, in lots",
            max(0.0, seen.most_in(window) - allowed) / (LOT_SECONDS * scenario.rates[0]),
            most=1,
        ),
    ]


def _known_concurrency(scenario: Scenario, seen: Seen) -> list[Figure]:
    slots = scenario.limits[0]["concurrency"]
    return [
        Figure("work", seen.busy_seconds / slots / seen.seconds, least=0.98, unit="%"),
        Figure("429s", seen.throttled_share, most=0.001, unit="%"),
    ]


def _unknown(scenario: Scenario, seen: Seen) -> list[Figure]:
    third = seen.seconds / 3
    _, low, high = scenario.rates
    return [
        Figure("work", seen.served / scenario.ideal(seen.seconds), least=0.9, unit="%"),
        Figure("429s", seen.throttled_share, most=0.02, unit="%"),
        Figure("lower level found", seen.found_in(0.85 * low, third), most=10, unit="s"),
        Figure("higher level found", seen.found_in(0.85 * high, 2 * third), most=10, unit="s"),
    ]


def _beside_bulk(scenario: Scenario, seen: Seen) -> list[Figure]:
    return [Figure("work", seen.served / scenario.ideal(seen.seconds), least=0.95, unit="%")]


# What else happens.


def _interactive(place: Place, seconds: float) -> list[Figure]:
    """A job every half second; it waits from its submission to the arrival of its call."""
    submitted = {}
    until = time.monotonic() + seconds
    with RerankClient(place.redis.url) as client:
        while time.monotonic() < until:
            at = time.time()
            job = client.submit(query="a", documents=["a", "b"], lane=Lane.INTERACTIVE)
            submitted[job.id] = at
            time.sleep(INTERACTIVE_APART)
    time.sleep(1)
    waits = sorted(
        each.arrived - submitted[each.job_id]
        for each in place.upstream.calls()
        if each.job_id in submitted
    )
    missing = len(submitted) - len(waits)
    p99 = waits[int(0.99 * len(waits))]
    most = 2 * SECOND / INTERACTIVE_RPM + PIPELINE_SECONDS
    return [
        Figure("interactive p50 wait", 1000 * waits[len(waits) // 2], unit="ms"),
        Figure("interactive p99 wait", 1000 * p99, most=1000 * most, unit="ms"),
        Figure("interactive jobs without a call", missing, most=0),
    ]


def _outage(place: Place, seconds: float) -> list[Figure]:
    """Every call fails for most of the time."""
    out = OUTAGE_SHARE * seconds
    began = time.time()
    place.upstream.set_faults({"action": {"kind": "status", "status": 503}})
    time.sleep(out)
    place.upstream.clear_faults()
    over = time.time()
    time.sleep(seconds - out)
    calls = place.upstream.calls()
    probes = sum(began + BREAKING_SECONDS <= each.arrived < over for each in calls)
    after = Seen(calls, over, seconds - out)
    with place.redis.client() as client:
        failed = client.zcard("rerankq:dead")
    return [
        Figure("failed jobs", failed, most=0),
        Figure("probes in 5 s", probes / (out - BREAKING_SECONDS) * 5, most=1.05),
        Figure("full rate after", after.found_in(0.95 * RPM / SECOND, 0), most=10, unit="s"),
    ]


KNOWN_RPM: Final = Scenario(
    "known rpm",
    [{"rpm": RPM}],
    [RPM / SECOND],
    _known_rate,
    known={"rpm": RPM},
    entrants=(OURS, RATE_LIMIT, RETRIES),
)
KNOWN_CONCURRENCY: Final = Scenario(
    "known concurrency",
    [{"concurrency": 40}],
    [80],
    _known_concurrency,
    known={"concurrency": 40},
    latency_ms=500,
)
UNKNOWN_RATE: Final = Scenario(
    "unknown rate",
    [{"per_second": each, "burst": 10} for each in (100, 50, 100)],
    [100, 50, 100],
    _unknown,
    entrants=(OURS, RETRIES),
)
UNKNOWN_CONCURRENCY: Final = Scenario(
    "unknown concurrency",
    [{"concurrency": each} for each in (20, 10, 20)],
    [each / 0.205 for each in (20, 10, 20)],
    _unknown,
    latency_ms=200,
    entrants=(OURS, RETRIES),
)
INTERACTIVE: Final = Scenario(
    "interactive beside bulk",
    [{"rpm": INTERACTIVE_RPM}],
    [INTERACTIVE_RPM / SECOND],
    _beside_bulk,
    known={"rpm": INTERACTIVE_RPM},
    during=_interactive,
    interactive=True,
)
OUTAGE: Final = Scenario(
    "outage", [{"rpm": RPM}], [RPM / SECOND], lambda *_: [], known={"rpm": RPM}, during=_outage
)

SCENARIOS: Final = (
    *(KNOWN_RPM, KNOWN_CONCURRENCY, UNKNOWN_RATE, UNKNOWN_CONCURRENCY, INTERACTIVE, OUTAGE),
)
