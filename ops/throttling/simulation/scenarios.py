"""What the controller is tuned by: upstreams of all kinds, and the work that each would allow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from rerankq.ledger import accounts
from throttling.simulation.fleet import Fleet, Plan
from throttling.simulation.upstream import Behaviour, Limits

THIRD: Final = 60.0
"""Seconds after which a limit halves, and after which it is as before again."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A plan, and how many calls its upstream would let through at most."""

    name: str
    plan: Plan
    ideal: float


def limit(limits: Limits) -> Callable[[Fleet], None]:
    """The change to other limits."""

    def change(fleet: Fleet) -> None:
        fleet.upstream.behaviour.limits = limits

    return change


def outage(*, out: bool) -> Callable[[Fleet], None]:
    """The begin and the end of an outage."""

    def change(fleet: Fleet) -> None:
        fleet.upstream.behaviour.out = out

    return change


def halving_rate(per_second: float, burst: float = 10.0, divisor: float = 2.0) -> Scenario:
    """A token bucket that nobody told of, which falls and rises again."""
    high = Limits(per_second, burst)
    low = Limits(per_second / divisor, max(1.0, burst / divisor))
    changes = {THIRD: limit(low), 2 * THIRD: limit(high)}
    ideal = THIRD * per_second * (2 + 1 / divisor)
    name = f"rate {per_second:g}/{per_second / divisor:g}, burst {burst:g}"
    return Scenario(name, Plan(Behaviour(high), changes=changes), ideal)


def halving_concurrency(calls: int, seconds: float = 0.1, jitter: float = 0.2) -> Scenario:
    """Calls at once that nobody told of, halving and doubling."""
    changes = {
        THIRD: limit(Limits(concurrency=calls // 2)),
        2 * THIRD: limit(Limits(concurrency=calls)),
    }
    # A place is free while the next call is under way: two milliseconds of a hundred.
    ideal = THIRD * 2.5 * calls / (seconds + 0.002)
    behaviour = Behaviour(Limits(concurrency=calls), seconds, jitter)
    name = f"concurrency {calls}/{calls // 2}, {seconds:g} s"
    return Scenario(name, Plan(behaviour, changes=changes), ideal)


def window(rpm: int) -> Scenario:
    """Calls a minute that nobody told of."""
    return Scenario(f"rpm {rpm}", Plan(Behaviour(Limits(rpm=rpm)), seconds=300), rpm * 5)


def known_rpm(rpm: int, workers: int = 4, seconds: float = 180) -> Scenario:
    """Calls a minute, as configured."""
    known = accounts.Limits(rpm=rpm)
    plan = Plan(Behaviour(Limits(rpm=rpm)), known=known, seconds=seconds, workers=workers)
    return Scenario(f"known rpm {rpm}, {workers} workers", plan, rpm * seconds / 60)


def known_concurrency(calls: int, seconds: float = 60) -> Scenario:
    """Calls at once, as configured."""
    plan = Plan(
        Behaviour(Limits(concurrency=calls)),
        known=accounts.Limits(concurrency=calls),
        seconds=seconds,
    )
    return Scenario(f"known concurrency {calls}", plan, seconds * calls / 0.102)


def interactive(rpm: int, every: float) -> Scenario:
    """Interactive jobs beside endless bulk work, under a known limit."""
    base = known_rpm(rpm)
    plan = replace(base.plan, interactive_every=every)
    return Scenario(f"interactive beside bulk, known rpm {rpm}", plan, base.ideal)


def outage_of(seconds: float, per_second: float = 100.0) -> Scenario:
    """An upstream that fails for a while."""
    changes = {30.0: outage(out=True), 30.0 + seconds: outage(out=False)}
    behaviour = Behaviour(Limits(per_second, per_second / 10))
    plan = Plan(behaviour, changes=changes, seconds=60 + seconds)
    return Scenario(f"outage of {seconds:g} s", plan, 60 * per_second)


SCENARIOS: Final = (
    *(halving_rate(20, 2), halving_rate(20), halving_rate(100), halving_rate(500)),
    *(halving_rate(500, 100), halving_rate(200, divisor=10)),
    *(halving_concurrency(20), halving_concurrency(100), halving_concurrency(20, 1.0)),
    *(halving_concurrency(20, jitter=0.8),),
    *(window(600), window(6000)),
    *(known_rpm(60), known_rpm(600), known_rpm(6000), known_concurrency(20)),
    *(interactive(6000, 0.5), interactive(600, 1.0), outage_of(60)),
)
