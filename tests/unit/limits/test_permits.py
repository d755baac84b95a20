"""The permits that a worker holds: each is used once, in time, and reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.accounts.accounts import Limits
from rerankq.contract import Lane
from rerankq_worker.limits.call_spacing import UNPROVEN_RATE
from rerankq_worker.limits.permit import Demand, Permit
from rerankq_worker.limits.permits import (
    AHEAD,
    GOOD_SECONDS,
    MOST_AWAY_RATE,
    Permits,
)
from rerankq_worker.upstream.sites import Account
from running.fake_limits import NO_LIMITS, Clock, allotment, permits, taken

NOTHING = Demand(0, 0)
TPM = Limits(tpm=6000)
CONCURRENCY = Limits(concurrency=5)


def test_each_permit_is_used_once() -> None:
    """As many calls begin as there are permits, and the report counts them."""
    made = permits(given=allotment(permits=2))
    taken(made)
    taken(made)
    assert made.take(1, retry=False) is None
    told = made.report(NOTHING)
    assert (told.began, told.left, told.in_flight) == (2, 0, 2)


def test_no_call_begins_before_the_first_answer() -> None:
    """No call begins before the first answer of Redis."""
    assert permits().take(1, retry=False) is None
    assert permits().scarce


def test_unused_permits_go_back() -> None:
    """A report gives the unused permits back; they cannot be used any more."""
    made = permits(TPM, given=allotment(permits=3, tokens=50))
    taken(made, 20)
    told = made.report(NOTHING)
    assert (told.left, told.left_tokens) == (2, 30)
    assert made.take(1, retry=False) is None


def test_a_worker_that_is_throttled_twice_waits_for_the_next_exchange() -> None:
    """After a second 429, not after a first, a worker begins no call before its next exchange."""
    made = permits(given=allotment(permits=9))
    calls = [taken(made) for _ in range(4)]
    made.was_throttled(None)
    made.done(calls.pop())
    made.done(calls.pop())
    calls.append(taken(made))
    made.was_throttled(None)
    made.done(calls.pop())
    made.done(calls.pop())
    assert made.take(1, retry=False) is None
    made.report(NOTHING)
    made.receive(allotment(permits=1))
    taken(made)


def test_permits_go_stale(clock: Clock) -> None:
    """A permit is valid for three seconds: the account may be out of use since."""
    made = permits(given=allotment(permits=2))
    clock.now += GOOD_SECONDS - 0.1
    taken(made)
    clock.now += 0.2
    assert not made.ready
    assert made.take(1, retry=False) is None
    assert made.report(NOTHING).left == 1


def test_slots_bound_calls_in_flight() -> None:
    """No more calls are in flight than there are slots, however many permits there are."""
    made = permits(CONCURRENCY, given=allotment(permits=9, slots=2))
    first = taken(made)
    taken(made)
    assert made.take(1, retry=False) is None
    made.done(first)
    taken(made)


def test_slots_are_none_until_given() -> None:
    """An account with a limit of calls in flight has no slot before Redis gives one."""
    assert not permits(CONCURRENCY).holds_slots
    assert permits(CONCURRENCY, given=allotment(slots=1)).holds_slots
    made = permits(CONCURRENCY, given=allotment(permits=1, slots=1))
    taken(made)
    made.receive(allotment(slots=0))
    assert made.holds_slots
    assert not permits(given=allotment(permits=9)).holds_slots


def test_the_last_call_may_overdraw() -> None:
    """A call begins while a token is left, whatever it costs; the debt is reported."""
    made = permits(TPM, given=allotment(permits=9, tokens=10))
    taken(made, 500)
    assert made.take(1, retry=False) is None
    assert made.report(NOTHING).left_tokens == -490


def test_tokens_do_not_matter_without_their_limit() -> None:
    """If no limit of tokens is known, none are counted."""
    made = permits(given=allotment(permits=2))
    taken(made, 1e6)
    taken(made, 1e6)


@pytest.mark.parametrize(("cost", "left"), [(30.0, 70), (130.0, -30), (None, 0), (0.0, 0)])
def test_real_cost_replaces_the_estimate(cost: float | None, left: float) -> None:
    """The upstream's own count replaces the estimate; 0 or nothing means that it does not tell."""
    made = permits(TPM, given=allotment(permits=1, tokens=100))
    made.done(taken(made, 100), cost)
    assert made.report(NOTHING).left_tokens == left


def test_retries_are_budgeted() -> None:
    """A retry needs a permit and a place in the budget; other calls need only a permit."""
    made = permits(given=allotment(permits=9, retries=1))
    taken(made, retry=True)
    assert not made.may_retry
    assert made.take(1, retry=True) is None
    taken(made)
    told = made.report(NOTHING)
    assert (told.began, told.retries) == (2, 1)


def test_a_probe_may_be_a_retry() -> None:
    """After an outage only retries may be left: one of them must be able to probe."""
    made = permits(given=allotment(permits=1, retries=0, probe=True, mode="broken"))
    assert made.may_retry
    assert taken(made, retry=True).probe


def test_one_call_is_the_probe() -> None:
    """A probe is one call; its permit, once given back, is no probe any more."""
    made = permits(given=allotment(permits=1, probe=True, mode="broken"))
    assert (made.probing, taken(made).probe, made.probing) == (True, True, False)
    unused = permits(given=allotment(permits=1, probe=True, mode="broken"))
    unused.report(NOTHING)
    unused.receive(allotment(permits=1))
    assert not taken(unused).probe


@pytest.mark.parametrize(
    ("asked", "came", "capacity"),
    [
        (Demand(5, 0), allotment(permits=5), None),
        (Demand(5, 0), allotment(permits=4), 2 * 4 + AHEAD),
        (Demand(5, 0), allotment(permits=5, slots=4), 2 * 5 + AHEAD),
        (NOTHING, allotment(), None),
    ],
)
def test_capacity_is_bounded_where_permits_are_scarce(
    asked: Demand, came: object, capacity: int | None
) -> None:
    """A worker that gets all it wants may hold any number of jobs; else as many as it can use."""
    made = permits(CONCURRENCY)
    made.report(asked)
    made.receive(came)  # type: ignore[arg-type]  # an allotment
    assert made.capacity == capacity


def test_paused_account_becomes_usable_with_time(clock: Clock) -> None:
    """A pause ends by this worker's clock; an outage lasts until an exchange says it is over."""
    made = permits(given=allotment(wait_ms=2000))
    assert (made.status.is_usable, made.status.usable_in) == (False, 2)
    clock.now += 2
    assert (made.status.is_usable, made.status.usable_in) == (True, 0)
    broken = permits(given=allotment(mode="broken"))
    assert (broken.status.is_usable, broken.status.is_out) == (False, True)
    fresh = permits().status
    assert (fresh.is_usable, fresh.is_out, fresh.usable_in) == (True, False, 0)


# The pace.


def begun(made: Permits, clock: Clock, seconds: float) -> int:
    """How many calls begin in that time if there is always one waiting."""
    calls, until = 0, clock.now + seconds
    while clock.now < until:
        while made.take(1, retry=False):
            calls += 1
        clock.now += 0.001
    return calls


@pytest.mark.parametrize(
    ("lane", "workers", "calls"),
    [(Lane.BULK, 1, 21), (Lane.BULK, 4, 6), (Lane.INTERACTIVE, 4, 21)],
)
def test_calls_are_spaced_out(clock: Clock, lane: Lane, workers: int, calls: int) -> None:
    """Permits are used evenly, a little faster than they come; bulk workers share the rate."""
    made = Permits(Account("a", (), NO_LIMITS), lane=lane, max_in_flight=100)
    made.receive(allotment(permits=99, rate=20, limited=True, workers=workers))
    assert begun(made, clock, 1.0) == pytest.approx(calls, abs=1)


@pytest.mark.parametrize(("rate", "calls"), [(10, 1), (1000, 11)])
def test_calls_do_not_catch_up_after_a_stall(clock: Clock, rate: float, calls: int) -> None:
    """After a stall a worker begins at once only the calls of a hundredth of a second."""
    made = permits(given=allotment(permits=99, rate=rate, limited=True))
    taken(made)
    clock.now += 1
    assert begun(made, clock, 0.001) == calls


@pytest.mark.parametrize("rate", [UNPROVEN_RATE - 1, UNPROVEN_RATE])
def test_an_upstream_with_a_high_rate_is_trusted_with_bursts(clock: Clock, rate: float) -> None:
    """Without a limit, and above a certain rate, calls need no distance to each other."""
    made = permits(given=allotment(permits=99, rate=rate))
    assert (begun(made, clock, 0.001) == 99) == (rate >= UNPROVEN_RATE)


def test_the_wait_for_the_next_call(clock: Clock) -> None:
    """The wait is known if only the distance to the last call is missing, not without a permit."""
    made = permits(given=allotment(permits=2, rate=10, limited=True))
    assert made.spaced == 0
    taken(made)
    assert made.spaced == pytest.approx(1 / 10.5 - 0.01)
    clock.now += made.spaced
    taken(made)
    assert made.spaced == 0


# While Redis is away.


@pytest.mark.parametrize(
    ("last", "most"),
    [
        (None, MOST_AWAY_RATE),
        (allotment(), MOST_AWAY_RATE),
        (allotment(rate=10, workers=4), 0.25),
        (allotment(rate=0.2), 0.02),
    ],
)
def test_little_is_used_while_redis_is_away(clock: Clock, last: object, most: float) -> None:
    """It uses a tenth of an even share of the last known rate, and at most one call a second."""
    made, began = permits(given=last), 0  # type: ignore[arg-type]  # an allotment, or none
    for _ in range(600):
        clock.now += 0.5
        made.live_on_little(made.report(NOTHING), 0.5)
        while made.take(1, retry=False):
            began += 1
    assert began <= 300 * most + 1
    assert began >= 300 * most * 0.5 - 1


@given(
    st.integers(0, 20),
    st.integers(0, 5),
    st.lists(st.sampled_from(["take", "retry", "done", "report"]), max_size=40),
)
def test_no_order_of_calls_passes_what_was_given(
    given_out: int, slots: int, steps: list[str]
) -> None:
    """No more calls begin than permits were given, and no more are in flight than slots."""
    made = permits(CONCURRENCY, given=allotment(permits=given_out, slots=slots, retries=2))
    under_way: list[Permit] = []
    began = told = 0
    for step in steps:
        if step == "done" and under_way:
            made.done(under_way.pop())
        elif step == "report":
            report = made.report(NOTHING)
            told += report.began
            made.receive(allotment(permits=report.left, slots=slots))
        elif step in ("take", "retry") and (permit := made.take(1, retry=step == "retry")):
            under_way.append(permit)
            began += 1
        assert began <= given_out
        assert made.in_flight == len(under_way) <= max(slots, 0)
    assert told + made.report(NOTHING).began == began
