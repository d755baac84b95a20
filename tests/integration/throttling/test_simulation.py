"""The limits in virtual time: the real script and permits, a thousand workers, many seconds."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from rerankq.accounts.accounts import Limits as Known
from throttling.simulation.fleet import Fleet, Plan, simulate
from throttling.simulation.scenarios import (
    Scenario,
    halving_concurrency,
    halving_rate,
    interactive,
    known_concurrency,
    known_rpm,
    outage_of,
    storm_of,
    window,
)
from throttling.simulation.upstream import Behaviour, Limits

LOT_SECONDS = 0.5


@pytest.mark.parametrize("rpm", [600, 6000])
def test_a_known_rate_is_used_fully_and_not_exceeded(rpm: int) -> None:
    """98 % of the allowed calls begin, and no window exceeds the limit by more than one lot."""
    scenario = known_rpm(rpm, seconds=60)
    outcome = simulate(scenario.plan)
    # A new account needs a moment to save up its first permits.
    assert outcome.count(200, 10) / (rpm * 50 / 60) >= 0.98
    assert outcome.throttled_share == 0
    for seconds in (1, 10, 60):
        assert outcome.most_in(seconds) <= rpm / 60 * (seconds + LOT_SECONDS) + 1


def test_a_known_concurrency_is_used_fully_and_not_exceeded() -> None:
    """The slots of a known concurrency are hardly ever free, and no call is refused."""
    scenario = known_concurrency(20, seconds=30)
    outcome = simulate(scenario.plan)
    assert outcome.count(200, 5) / scenario.ideal * 30 / 25 >= 0.98
    assert outcome.throttled_share == 0


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_fewer_calls_at_once_than_workers_go_round(calls: int) -> None:
    """Each of four workers has a slot for a second at a time, and the next worker gets it soon."""
    scenario = known_concurrency(calls, seconds=20)
    outcome = simulate(scenario.plan)
    assert outcome.count(200, 5) / scenario.ideal * 20 / 15 >= 0.75
    assert outcome.throttled_share == 0


@pytest.mark.parametrize("scenario", [halving_rate(100), halving_concurrency(20, 0.2)])
def test_an_unknown_limit_is_found(scenario: Scenario) -> None:
    """While a limit halves and doubles: 90 % of the work, 2 % of 429s, each level within 10 s."""
    outcome = simulate(scenario.plan)
    assert outcome.served / scenario.ideal >= 0.9
    assert outcome.throttled_share <= 0.02
    high = scenario.ideal / 150
    for after, rate in ((0, high), (60, high / 2), (120, high)):
        assert outcome.back_at(0.85 * rate, after) <= 10


def test_a_found_window_is_remembered() -> None:
    """After an unknown window was used up once, calls keep to its average rate."""
    outcome = simulate(window(600).plan)
    afterwards = outcome.count(200, 60), outcome.count(429, 60)
    assert afterwards[0] >= 0.85 * 2400
    assert afterwards[1] <= 0.05 * afterwards[0]


def test_a_storm_is_no_window() -> None:
    """If an upstream throttles every call for a while, it is used again within half a minute."""
    outcome = simulate(storm_of(8).plan)
    assert outcome.count(429, 2, 10) <= 100
    assert outcome.back_at(0.85 * 100, 10) <= 30


def test_a_thousand_workers_share_a_limit() -> None:
    """1,000 workers on an account of 6,000 rpm stay within it in any minute, and use it."""
    outcome = simulate(known_rpm(6000, workers=1000, seconds=62).plan)
    assert outcome.most_in(60) <= 6000
    assert outcome.count(200, 15) >= 0.95 * 6000 * 47 / 60


def test_interactive_work_need_not_wait() -> None:
    """Beside endless bulk work, an interactive call waits for two permits at most."""
    scenario = interactive(1200, every=0.5)
    outcome = simulate(replace(scenario.plan, seconds=60))
    waits = sorted(outcome.waits)
    assert len(waits) > 100
    assert waits[int(0.99 * len(waits))] <= 2 * 60 / 1200
    assert outcome.throttled_share == 0


def test_an_outage_is_probed_seldom_and_over_soon() -> None:
    """While the upstream is out, there is a probe every 5 s; 10 s after, the full rate is back."""
    outcome = simulate(outage_of(60).plan)
    assert outcome.count(503, 36, 90) <= 54 / 5 + 1
    assert outcome.back_at(0.85 * 100, 90) <= 10


def test_deleted_keys_never_mean_no_limit() -> None:
    """No window exceeds the limit, however often the limiter's keys are deleted."""

    def delete(fleet: Fleet) -> None:
        fleet.store.keyspace.clear()

    changes: dict[float, Callable[[Fleet], None]] = {each + 0.3: delete for each in range(1, 30)}
    plan = Plan(Behaviour(Limits(rpm=6000)), known=Known(rpm=6000), seconds=30, changes=changes)
    outcome = simulate(plan)
    assert outcome.served > 0
    assert outcome.most_in(1) <= 100 * (1 + LOT_SECONDS) + 1
    assert outcome.most_in(10) <= 100 * (10 + LOT_SECONDS) + 1


def test_without_redis_little_is_used() -> None:
    """While Redis is away, each worker uses at most a small share of the last known rate."""

    def away(fleet: Fleet) -> None:
        fleet.store.away = True

    plan = replace(known_rpm(6000, seconds=30).plan, changes={10.0: away})
    outcome = simulate(plan)
    assert outcome.count(200, 13) <= 4 * 17 * 1.1
