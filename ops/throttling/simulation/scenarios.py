"""The cases by which the limiter is tuned: upstreams of all kinds, and what each allows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from rerankq.accounts import accounts
from throttling.simulation.fleet import Fleet, Plan
from throttling.simulation.upstream import Behaviour, Limits
from throttling.simulation.worker import TOKENS

THIRD: Final = 60.0
"""Seconds until a limit halves, and from then until it doubles again."""
LONG_THIRD: Final = 100.0
"""The same, for scenarios that the benchmark of real processes has too."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A plan, and what its upstream lets through.

    Attributes:
        ideal: calls at most.
        levels: the levels to be found, in calls a second, by the second from which each holds.
    """

    name: str
    plan: Plan
    ideal: float
    levels: Mapping[float, float] = field(default_factory=dict)


def limit(limits: Limits) -> Callable[[Fleet], None]:
    """The change to other limits."""

    def change(fleet: Fleet) -> None:
        fleet.upstream.behaviour.limits = limits

    return change


def outage(*, out: bool) -> Callable[[Fleet], None]:
    """The beginning or the end of an outage."""

    def change(fleet: Fleet) -> None:
        fleet.upstream.behaviour.out = out

    return change


def halving_rate(
    per_second: float,
    burst: float = 10.0,
    divisor: float = 2.0,
    low_burst: float | None = None,
    third: float = THIRD,
) -> Scenario:
    """A token bucket that workers do not know; its rate falls and rises again."""
    slow = per_second / divisor
    name = f"rate {per_second:g}/{slow:g}, burst {burst:g}"
    behaviour = Behaviour(Limits(per_second, burst))
    low = Limits(slow, low_burst or max(1.0, burst / divisor))
    return _halving(name, behaviour, low, third, per_second, slow)


def halving_concurrency(
    calls: int, seconds: float = 0.1, jitter: float = 0.2, third: float = THIRD
) -> Scenario:
    """A limit of calls at once that workers do not know; it halves and doubles."""
    # A slot is free until the next call arrives: two milliseconds of a hundred.
    rate = calls / (seconds + 0.002)
    name = f"concurrency {calls}/{calls // 2}, {seconds:g} s ± {jitter:.0%}"
    behaviour = Behaviour(Limits(concurrency=calls), seconds, jitter)
    return _halving(name, behaviour, Limits(concurrency=calls // 2), third, rate, rate / 2)


def _halving(
    name: str, behaviour: Behaviour, low: Limits, third: float, fast: float, slow: float
) -> Scenario:
    changes = {third: limit(low), 2 * third: limit(behaviour.limits)}
    plan = Plan(behaviour, changes=changes, seconds=3 * third)
    levels = {0.0: fast, third: slow, 2 * third: fast}
    return Scenario(name, plan, third * (2 * fast + slow), levels)


def window(rpm: int) -> Scenario:
    """A limit of calls a minute that workers do not know."""
    return Scenario(f"rpm {rpm}", Plan(Behaviour(Limits(rpm=rpm)), seconds=300), rpm * 5)


def known_rpm(rpm: int, workers: int = 4, seconds: float = 180) -> Scenario:
    """Calls a minute, as configured."""
    known = accounts.Limits(rpm=rpm)
    plan = Plan(Behaviour(Limits(rpm=rpm)), known=known, seconds=seconds, workers=workers)
    return Scenario(f"known rpm {rpm}, {workers} workers", plan, rpm * seconds / 60)


def known_tpm(tpm: int, seconds: float = 180) -> Scenario:
    """Tokens a minute, as configured."""
    plan = Plan(Behaviour(Limits(tpm=tpm)), known=accounts.Limits(tpm=tpm), seconds=seconds)
    return Scenario(f"known tpm {tpm}", plan, tpm / TOKENS * seconds / 60)


def known_concurrency(
    calls: int, seconds: float = 60, latency: float = 0.1, jitter: float = 0.2
) -> Scenario:
    """Calls at once, as configured."""
    plan = Plan(
        Behaviour(Limits(concurrency=calls), latency, jitter),
        known=accounts.Limits(concurrency=calls),
        seconds=seconds,
    )
    name = f"known concurrency {calls}, {latency:g} s"
    return Scenario(name, plan, seconds * calls / (latency + 0.002))


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


def storm_of(seconds: float, after: float = 2.0, per_second: float = 100.0) -> Scenario:
    """An upstream that throttles every call for a while, soon after the first."""
    changes = {after: limit(Limits(rpm=0)), after + seconds: limit(Limits(per_second))}
    plan = Plan(Behaviour(Limits(per_second)), changes=changes, seconds=after + seconds + 120)
    name = f"storm of {seconds:g} s after {after:g} s"
    return Scenario(name, plan, (after + 120) * per_second, {after + seconds: per_second})


def fresh(scenario: Scenario, seed: int) -> Scenario:
    """The same with another seed. The plan is copied, because a run changes its upstream."""
    behaviour = replace(scenario.plan.behaviour)
    return replace(scenario, plan=replace(scenario.plan, behaviour=behaviour, seed=seed))


SCENARIOS: Final = (
    # The same as in `python -m throttling`.
    known_rpm(6000, seconds=300),
    known_tpm(300_000, seconds=300),
    known_concurrency(40, 300, 0.5, 0.0),
    halving_rate(100, low_burst=10, third=LONG_THIRD),
    halving_concurrency(20, 0.2, 0.0, third=LONG_THIRD),
    interactive(1200, 0.5),
    *(halving_rate(20, 2), halving_rate(20), halving_rate(100), halving_rate(500)),
    *(halving_rate(500, 100), halving_rate(200, divisor=10)),
    *(halving_concurrency(20), halving_concurrency(100), halving_concurrency(20, 1.0)),
    *(halving_concurrency(20, jitter=0.8),),
    *(window(600), window(6000)),
    *(known_rpm(60), known_rpm(600), known_rpm(6000, workers=1000), known_concurrency(20)),
    *(interactive(6000, 0.5), interactive(600, 1.0), outage_of(60)),
    *(storm_of(8), storm_of(60, after=60)),
)
