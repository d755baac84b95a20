"""Permits of all workers together stay within the limits of their account."""

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rerankq.accounts.accounts import Allotment, Limits
from rerankq.contract import Lane
from running.ledger_desk import LedgerDesk

GREEDY: dict[str, Any] = {"want": 1000, "want_tokens": 1e6, "want_slots": 1000}
WANT_5: dict[str, Any] = {"want": 5, "want_slots": 5}
BUSY = Limits(rpm=6000)
"""A hundred calls a second, of which 99 are given out; half a second's worth piles up."""
PACE_OF_BUSY = 99.0
MOST_SAVED = 50
MOST_AT_A_TIME = 18
STEP = 0.875
"""For one worker: half more than a lot of twelve."""

EMPTIED_EACH_TIME = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def trip_breaker(desk: LedgerDesk) -> None:
    assert desk.exchange(trouble=10.0).mode == "broken"


def stored(desk: LedgerDesk) -> dict[bytes, object]:
    """Everything that Redis holds."""
    return {key: desk.redis.dump(key) for key in desk.redis.scan_iter()}


# Requests a minute.


def emptied(desk: LedgerDesk) -> Allotment:
    """Save up as many permits as an account can, and let bulk workers take all of them.

    Returns the last exchange, which left less than one.
    """
    desk.exchange(limits=BUSY, want=1)
    desk.let_pass(10)
    while (last := desk.exchange("bulk", BUSY, **GREEDY)).permits == MOST_AT_A_TIME:
        pass
    return last


def test_many_greedy_workers_keep_to_the_rate(desk: LedgerDesk) -> None:
    """Eight workers that ask all the time get what the limit allows, and one lot more at most."""
    began, given_out = time.monotonic(), 0
    for number in range(40):
        given_out += desk.exchange(f"w{number % 8}", BUSY, **GREEDY).permits
        desk.let_pass(0.05)
    elapsed = 40 * 0.05 + time.monotonic() - began
    assert PACE_OF_BUSY * 39 * 0.05 - 1 <= given_out <= PACE_OF_BUSY * elapsed + MOST_SAVED


@pytest.mark.parametrize(("rpm", "most"), [(60, 3), (600, 18), (6000, 18), (60_000, 149)])
def test_no_worker_gets_more_than_one_and_a_half_lots(
    desk: LedgerDesk, rpm: int, most: int
) -> None:
    """A worker gets one lot, also when more was saved up; the rest is for the next worker."""
    limits = Limits(rpm=rpm)
    desk.exchange(limits=limits, want=1)
    desk.let_pass(60)
    assert desk.exchange(limits=limits, **GREEDY).permits == most
    assert (desk.exchange("next", limits, **GREEDY).permits > 0) == (most < rpm / 60 / 2)


@EMPTIED_EACH_TIME
@given(
    st.sampled_from([6, 60, 600]) | st.integers(1, 60_000),
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 300), st.sampled_from(Lane)), max_size=12),
)
def test_no_schedule_passes_a_known_limit(
    desk: LedgerDesk, rpm: int, schedule: list[tuple[float, int, Lane]]
) -> None:
    """At any demand, permits never exceed the rate and what was saved up."""
    desk.redis.flushall()
    began, passed, given_out = time.monotonic(), 0.0, 0
    for seconds, want, lane in schedule:
        desk.let_pass(seconds)
        passed += seconds
        given_out += desk.exchange(limits=Limits(rpm=rpm), lane=lane, want=want).permits
    passed += time.monotonic() - began
    a_second = rpm / 60
    most = max(1.5, a_second / 2, 1.5 * min(12, 2 * a_second))
    # Interactive work may take half as much again in advance.
    assert given_out <= a_second * passed + 1 + 1.5 * most


def test_rate_of_a_minute_never_passes_the_limit(desk: LedgerDesk) -> None:
    """With a small limit no minute has more calls than the limit, not even the first."""
    for rpm in (1, 2, 10, 60):
        desk.redis.flushall()
        first = desk.exchange(limits=Limits(rpm=rpm), want=1).permits
        assert first + 60 * desk.look().rate <= max(1.5, rpm) + 1e-6


def test_deleted_keys_never_mean_unlimited(desk: LedgerDesk) -> None:
    """Each time the keys are deleted there is one permit, and no more."""
    for number in range(20):
        assert desk.exchange(f"w{number}", BUSY, **GREEDY).permits <= 1
        for key in desk.redis.keys("rerankq:account*"):
            desk.redis.delete(key)


def test_left_permits_go_to_others(desk: LedgerDesk) -> None:
    """Permits that one worker gives back go to another."""
    emptied(desk)
    assert desk.exchange("a", BUSY, left=15).permits == 0
    assert desk.exchange("b", BUSY, **GREEDY).permits >= 15


def test_permits_given_back_are_kept_for_half_a_second(desk: LedgerDesk) -> None:
    """Of permits that are given back at most half a second's worth is kept."""
    desk.exchange("a", BUSY, left=10_000)
    began = time.monotonic()
    given_out = sum(desk.exchange(f"w{number}", BUSY, **GREEDY).permits for number in range(8))
    assert given_out <= MOST_SAVED + PACE_OF_BUSY * (time.monotonic() - began)


def test_worker_that_asks_for_little_is_given_little(desk: LedgerDesk) -> None:
    """No worker is given more than it wants."""
    desk.exchange(limits=BUSY, want=1)
    desk.let_pass(10)
    assert desk.exchange(limits=BUSY, want=3).permits == 3


# Tokens a minute.


def test_tokens_may_be_overdrawn_and_are_owed(desk: LedgerDesk) -> None:
    """A call may cost more tokens than there are; then none are given until they are paid back."""
    limits = Limits(tpm=6000)
    desk.exchange(limits=limits, want=1, want_tokens=1)
    desk.let_pass(1)
    assert desk.exchange(limits=limits, want=5, want_tokens=500).permits == 5
    desk.exchange(limits=limits, left_tokens=-200)
    desk.let_pass(1)
    assert desk.exchange(limits=limits, want=5, want_tokens=500).permits == 0
    desk.let_pass(1.5)
    assert desk.exchange(limits=limits, want=5, want_tokens=500).permits > 0


def test_tokens_overdrawn_in_a_pause_are_owed_after_it(desk: LedgerDesk) -> None:
    """Overdrawn tokens are still to be paid back after a pause."""
    limits = Limits(tpm=6000)
    desk.exchange(limits=limits, want=1, want_tokens=100)
    desk.exchange(limits=limits, left_tokens=-900, pause_ms=3000)
    desk.let_pass(4)
    assert desk.exchange(limits=limits, want=1, want_tokens=100).permits == 0


def test_tokens_keep_to_their_rate(desk: LedgerDesk) -> None:
    """Tokens are given out at the rate of the limit, with at most a lot more."""
    limits, tokens = Limits(tpm=60_000), 0.0
    began = time.monotonic()
    for number in range(20):
        tokens += desk.exchange(f"w{number % 3}", limits, **GREEDY).tokens
        desk.let_pass(0.2)
    elapsed = 20 * 0.2 + time.monotonic() - began
    assert 0.9 * 990 * 3.8 < tokens <= 1000 * elapsed + 500 + 20


# Calls in flight.


def test_slots_of_all_workers_never_pass_the_limit(desk: LedgerDesk) -> None:
    """The first worker may get all slots, but all workers together hold no more than the limit."""
    limits, held = Limits(concurrency=10), dict.fromkeys("abcd", 0)
    for _ in range(5):
        for name in held:
            held[name] = desk.exchange(name, limits, want=50, want_slots=50).slots or 0
            assert sum(held.values()) <= 10
    assert sum(held.values()) == 10
    assert max(held.values()) <= 3


@EMPTIED_EACH_TIME
@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9), st.floats(0, 1)), max_size=30),
)
def test_no_schedule_passes_the_slots(
    desk: LedgerDesk, concurrency: int, schedule: list[tuple[str, int, float]]
) -> None:
    """Calls in flight never exceed the limit if workers use all their slots."""
    limits = Limits(concurrency=concurrency)
    slots, under_way = dict.fromkeys("abcd", 0), dict.fromkeys("abcd", 0)
    desk.redis.flushall()
    for name, want, ended in schedule:
        under_way[name] -= int(under_way[name] * ended)
        told: dict[str, Any] = {"want": want, "want_slots": want + under_way[name]}
        answer = desk.exchange(name, limits, in_flight=under_way[name], **told)
        slots[name] = answer.slots or 0
        under_way[name] = max(under_way[name], min(slots[name], under_way[name] + want))
        assert sum(under_way.values()) <= concurrency


def test_slots_are_taken_in_turn_where_workers_are_more(desk: LedgerDesk) -> None:
    """With one call at a time and three workers that always want it, each gets its turn."""
    limits, turns, under_way = Limits(concurrency=1), dict.fromkeys("abc", 0), ""
    for number in range(90):
        # The worker with the call asks when the call ends, the others before that.
        name = under_way if under_way and number % 2 else "abc"[number // 2 % 3]
        told: dict[str, Any] = {"began": 1, "ok": 1} if name == under_way else {}
        slots = desk.exchange(name, limits, want=5, want_slots=5, **told).slots or 0
        turns[name] += slots
        under_way = name if slots else "" if name == under_way else under_way
    assert min(turns.values()) >= 5


@pytest.mark.parametrize("concurrency", [4, 5, 7])
def test_every_worker_gets_a_slot_if_there_are_enough(concurrency: int, desk: LedgerDesk) -> None:
    """Each worker gets an even share, and the remaining slots are used."""
    limits, held, worker_names = Limits(concurrency=concurrency), dict[str, int](), "abcd"
    for _ in range(5):
        for each in worker_names:
            told = desk.exchange(each, limits, in_flight=held.get(each, 0), began=1, **WANT_5)
            held[each] = told.slots or 0
    assert min(held.values()) == 1
    assert sum(held.values()) == concurrency


def test_after_a_failed_call_the_slot_goes_to_the_next_worker(desk: LedgerDesk) -> None:
    """It does so even if the failure does not count against the upstream."""
    limits, want = Limits(concurrency=1), WANT_5
    assert desk.exchange("well", limits, **want).slots == 1
    assert desk.exchange("ill", limits, **want).slots == 0
    assert desk.exchange("well", limits, ok=1, began=1, **want).slots == 0
    assert desk.exchange("ill", limits, **want).slots == 1
    told = desk.exchange("ill", limits, trouble=1.0, vain=3, vain_ms=9000, **want)
    assert (told.slots, told.doubted) == (0, True)
    assert desk.exchange("well", limits, **want).slots == 1


def test_a_worker_that_waits_for_a_slot_asks_often(desk: LedgerDesk) -> None:
    """A worker gives its slot back after a second, however many permits came with it."""
    limits, want = Limits(concurrency=1), WANT_5
    names = ("has one", "first", "second", "third")
    first = [desk.exchange(each, limits, **want) for each in names]
    again = [
        desk.exchange(each, limits, left=one.permits, **want)
        for each, one in zip(names, first, strict=True)
    ]
    assert [each.slots for each in again] == [1, 0, 0, 0]
    assert [each.ask_ms for each in again] == [1000, 150, 150, 150]


def test_leaving_gives_slots_back(desk: LedgerDesk) -> None:
    """A worker that wants no calls and has none in flight holds no slot and does not count."""
    limits = Limits(concurrency=4)
    assert desk.exchange("a", limits, want=4, want_slots=4).slots == 4
    assert desk.exchange("b", limits, want=4, want_slots=4).slots == 0
    desk.exchange("a", limits)
    left = desk.exchange("b", limits, want=2, want_slots=2)
    assert (left.slots, left.workers) == (2, 1)


def test_calls_in_flight_keep_their_slots(desk: LedgerDesk) -> None:
    """A worker that wants no more calls keeps only the slots of its calls in flight."""
    limits = Limits(concurrency=4)
    desk.exchange("a", limits, want=4, want_slots=4)
    desk.exchange("a", limits, in_flight=3)
    assert desk.exchange("b", limits, want=4, want_slots=4).slots == 1


def test_slots_of_a_dead_worker_come_back(desk: LedgerDesk) -> None:
    """A worker that is silent for longer than six seconds holds nothing any more."""
    limits = Limits(concurrency=4)
    desk.exchange("dead", limits, want=4, want_slots=4)
    desk.let_pass(5.5)
    assert desk.exchange("b", limits, want=4, want_slots=4).slots == 0
    desk.let_pass(1)
    came = desk.exchange("b", limits, want=4, want_slots=4)
    assert (came.slots, came.workers, came.in_flight) == (4, 1, 4)


def test_a_look_at_a_dead_worker_costs_no_slot(desk: LedgerDesk) -> None:
    """A look shows the slots of a silent worker as free, but does not free them."""
    limits = Limits(concurrency=4)
    desk.exchange("dead", limits, want=4, want_slots=4)
    desk.let_pass(7)
    assert (desk.look().in_flight, desk.look().workers) == (0, 0)
    assert desk.exchange("b", limits, want=4, want_slots=4).slots == 4


def test_deleted_slots_are_held_by_nobody(desk: LedgerDesk) -> None:
    """When only the slots were deleted, they are given out again."""
    limits = Limits(concurrency=4)
    desk.exchange("a", limits, want=4, want_slots=4)
    desk.redis.delete("rerankq:account:a:slots")
    assert desk.exchange("a", limits, want=4, want_slots=4).slots == 4
    assert desk.look().in_flight == 4


def test_no_limit_no_slots(desk: LedgerDesk) -> None:
    """Without a limit of calls in flight there are no slots to share."""
    assert desk.exchange(want=4, want_slots=4).slots is None


# Lanes.


def test_interactive_goes_first(desk: LedgerDesk) -> None:
    """After bulk took everything, interactive work gets permits at once, and bulk gets less."""
    last = emptied(desk)
    assert desk.exchange("fast", BUSY, lane=Lane.INTERACTIVE, want=20).permits == 20
    bulk = desk.exchange("bulk", BUSY, **GREEDY)
    # Only what has come since, by Redis' clock: bulk's tenth, and what is over when 20 are paid.
    came = PACE_OF_BUSY * (bulk.now - last.now) / 1000
    assert bulk.permits <= 0.1 * came + max(0.0, 1 + 0.9 * came - 20)


def test_bulk_is_never_starved(desk: LedgerDesk) -> None:
    """With any amount of interactive work, bulk keeps a tenth of the rate."""
    given_out = {Lane.BULK: 0, Lane.INTERACTIVE: 0}
    for _ in range(50):
        for lane in (Lane.INTERACTIVE, Lane.BULK):
            given_out[lane] += desk.exchange(lane.value, BUSY, lane=lane, **GREEDY).permits
        desk.let_pass(0.1)
    assert 0.07 < given_out[Lane.BULK] / sum(given_out.values()) < 0.3


def test_bulk_that_asks_seldom_keeps_its_share(desk: LedgerDesk) -> None:
    """A lane counts as busy for longer than the longest time between two of its exchanges."""
    desk.exchange("bulk", BUSY, **GREEDY)
    desk.let_pass(2.1)
    desk.exchange("fast", BUSY, lane=Lane.INTERACTIVE, **GREEDY)
    assert float(desk.redis.hget("rerankq:account:a", "bulk_level") or 0) > 0


@pytest.mark.parametrize("concurrency", [1, 2, 20])
def test_slots_are_kept_for_interactive_but_not_all(desk: LedgerDesk, concurrency: int) -> None:
    """While there is interactive work, bulk may not use a few slots, but always one."""
    limits = Limits(concurrency=concurrency)
    desk.exchange("fast", limits, lane=Lane.INTERACTIVE, want=1, want_slots=1)
    desk.exchange("fast", limits, lane=Lane.INTERACTIVE)
    slots = desk.exchange("bulk", limits, want=50, want_slots=50).slots
    assert slots == {1: 1, 2: 1, 20: 18}[concurrency]


# Limits that are found by 429s.


def busy(desk: LedgerDesk, began: int = 50) -> float:
    """Let an unknown account be used; returns its rate."""
    desk.exchange(want=1)
    return desk.exchange(began=began, ok=began, want=began).rate


def found(desk: LedgerDesk, *, ceiling: float, seconds_ago: float, began: float) -> None:
    """Set the state: which rate was too high, how long ago, and how many calls began lately."""
    since = desk.now_ms() - seconds_ago * 1000
    for name, value in {"ceiling": ceiling, "since": since, "began": began}.items():
        desk.redis.hset("rerankq:account:a", name, str(value))


def test_unknown_account_is_trusted_to_begin_with(desk: LedgerDesk) -> None:
    """Without a limit and before the first 429 no worker waits."""
    seen = desk.exchange(want=1)
    assert seen.rate == 100
    assert not seen.limited


def test_configured_slots_are_used_at_once(desk: LedgerDesk) -> None:
    """A configured number of calls at once is used from the first second on."""
    assert desk.exchange(limits=Limits(concurrency=50), want=1, want_slots=1).rate == 500
    assert not desk.exchange(limits=Limits(concurrency=50)).limited


def test_throttling_steps_down_once(desk: LedgerDesk) -> None:
    """429s that come together are one step down; a later one is another."""
    before = busy(desk)
    first = desk.exchange(throttled=10)
    assert first.limited
    assert first.rate < before
    assert desk.exchange("b", throttled=10).rate == pytest.approx(first.rate, rel=0.05)
    desk.let_pass(0.5)
    assert desk.exchange("b", throttled=1, began=40).rate < 0.9 * first.rate


def test_one_throttled_call_is_no_flood(desk: LedgerDesk) -> None:
    """A single throttled call halves the rate, no more."""
    desk.exchange(limits=Limits(rpm=600), want=1)
    seen = desk.exchange(limits=Limits(rpm=600), began=5, throttled=1)
    assert seen.mode == "open"
    assert seen.rate == pytest.approx(0.5 * 9.9 * STEP, rel=0.02)


@pytest.mark.parametrize(("ok", "rate"), [(200, 99), (50, 100 * STEP)])
def test_one_of_many_means_that_the_limit_is_found(desk: LedgerDesk, ok: int, rate: float) -> None:
    """A 429 among a hundred answers holds the rate where it is; among fifty it lowers it."""
    assert desk.exchange(began=1, ok=ok).rate == 100
    desk.let_pass(0.2)
    seen = desk.exchange(throttled=1)
    assert seen.limited
    assert seen.rate == pytest.approx(rate, rel=0.01)


def test_rate_after_a_flood_is_the_long_term_average(desk: LedgerDesk) -> None:
    """After a window was used up, the rate is what the window allows on average."""
    desk.exchange(want=1)
    desk.let_pass(600)
    desk.exchange(began=60, ok=60)
    desk.let_pass(5)
    seen = desk.exchange(throttled=20)
    assert seen.mode == "throttled"
    assert seen.rate == pytest.approx(STEP * 0.92, rel=0.02)


def test_rate_climbs_back_and_doubles_by_the_tenth_second(desk: LedgerDesk) -> None:
    """After a step down the rate is back in 3 s, and twice as high after nine."""
    busy(desk)
    desk.exchange(throttled=10)

    def rate(seconds: float) -> float:
        found(desk, ceiling=40, seconds_ago=seconds, began=200)
        return desk.exchange().rate

    rates = [rate(seconds) for seconds in (0, 1, 3, 5, 8, 9.1)]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(STEP * 40, rel=0.02)
    assert rates[2] == pytest.approx(40, rel=0.01)
    assert rates[5] >= 80


def test_rate_does_not_climb_unused(desk: LedgerDesk) -> None:
    """The rate rises to at most twice what is really used."""
    busy(desk)
    desk.exchange(throttled=10)
    found(desk, ceiling=40, seconds_ago=20, began=0)
    assert desk.exchange().rate == 40


@pytest.mark.parametrize("rpm", [1, 6, 600])
def test_being_throttled_never_raises_a_known_limit(desk: LedgerDesk, rpm: int) -> None:
    """Neither a 429 nor the rise after it leads above the known limit."""
    limits = Limits(rpm=rpm)
    known = desk.exchange(limits=limits, want=1).rate
    assert desk.exchange(limits=limits, began=1, throttled=1).rate <= known
    desk.let_pass(60)
    assert desk.exchange(limits=limits, began=100, ok=100).rate <= known


def test_in_a_flood_of_429s_only_single_probes_are_made(desk: LedgerDesk) -> None:
    """If nearly all calls are throttled, only probes are made, ever more rarely, until success."""
    busy(desk, began=1)
    seen = desk.exchange("a", throttled=20, began=20, want=20)
    assert (seen.mode, seen.permits) == ("throttled", 0)
    assert seen.since == pytest.approx(seen.now, abs=1)
    assert 0 < seen.wait_ms <= 1000
    for step in (1.0, 1.5, 2.25, 3.375, 5.0, 5.0):
        desk.let_pass(step)
        probe = desk.exchange("a", want=20)
        assert (probe.permits, probe.probe) == (1, True)
        assert desk.exchange("b", want=20).permits == 0
    usable = desk.exchange("a", ok=1, probe_ok=True, want=20)
    assert (usable.mode, usable.since) == ("open", 0)
    # It lasted as long as a window, so the rate after it is what such a window allows.
    desk.let_pass(10)
    assert desk.exchange("b", want=20).permits > 0


# Pauses.


def test_retry_after_pauses_all(desk: LedgerDesk) -> None:
    """If the upstream says how long to wait, no worker gets a permit before that."""
    busy(desk)
    assert desk.exchange("a", throttled=1, pause_ms=10_000, want=5).permits == 0
    other = desk.exchange("b", want=5)
    assert other.permits == 0
    assert 9000 < other.wait_ms <= 10_000
    desk.let_pass(11)
    assert desk.exchange("b", want=5).permits > 0


def test_a_short_pause_is_only_for_its_own_call(desk: LedgerDesk) -> None:
    """While most calls succeed, a Retry-After of a second delays only the call that got it."""
    busy(desk)
    desk.let_pass(0.2)
    assert desk.exchange("a", throttled=1, pause_ms=1000, want=2).permits == 2


def test_a_longer_pause_wins(desk: LedgerDesk) -> None:
    """A shorter pause does not end a longer one early."""
    desk.exchange(pause_ms=20_000)
    assert desk.exchange(pause_ms=3000).wait_ms > 19_000


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        pytest.param({"pause_ms": 60_000}, 60_000, id="a used-up window"),
        pytest.param({"pause_ms": 60_000, "trouble": 1.0}, 60_000, id="and an unrelated failure"),
        pytest.param({"trouble": 1.0, "trouble_pause_ms": 600_000}, 0, id="a failure"),
        pytest.param(
            {"trouble": 1.0, "trouble_pause_ms": 600_000, "throttled": 1}, 0, id="and a single 429"
        ),
        pytest.param({"trouble": 9.0, "trouble_pause_ms": 60_000, "ok": 0}, 60_000, id="all fail"),
    ],
)
def test_pause_is_judged_by_what_it_came_with(
    desk: LedgerDesk, told: dict[str, Any], waits: float
) -> None:
    """A pause in a failure holds for all workers only if most calls fail."""
    if told.get("ok", 1):
        busy(desk)
    answer = desk.exchange("a", want=5, **({"ok": 20} | told))
    assert answer.wait_ms == pytest.approx(waits, abs=1000)


# The breaker.


@pytest.mark.parametrize(
    ("trouble", "ok", "mode"),
    [(10, 0, "broken"), (9, 0, "open"), (10, 10, "broken"), (10, 11, "open"), (2.5, 0, "open")],
)
def test_breaker_needs_ten_points_and_half_of_all(
    desk: LedgerDesk, trouble: float, ok: int, mode: str
) -> None:
    """Ten points of failure in ten seconds, and at least half of all, mean an outage."""
    assert desk.exchange(trouble=float(trouble), ok=ok).mode == mode


@pytest.mark.parametrize(
    ("in_flight", "rows", "mode"),
    [(0, (9,), "open"), (0, (5, 5), "broken"), (20, (39,), "open"), (20, (20, 20), "broken")],
)
def test_foreign_answers_in_a_row_take_the_site_out_of_use(
    desk: LedgerDesk, in_flight: int, rows: tuple[int, ...], mode: str
) -> None:
    """Ten in a row, and twice as many as calls in flight, are enough, whatever came before."""
    desk.exchange(ok=1000, want=1, in_flight=in_flight)
    for row in rows:
        desk.exchange("other", astray=row, trouble=float(row))
    assert desk.look().mode == mode
    assert desk.exchange("third", ok=1, astray=9, trouble=9.0).mode == mode


def test_a_good_answer_between_foreign_ones_resets_their_count(desk: LedgerDesk) -> None:
    """A site that gives rankings in between is usable."""
    desk.exchange(ok=1000)
    for _ in range(9):
        assert desk.exchange(astray=9, trouble=9.0).mode == "open"
        assert desk.exchange("other", ok=9).mode == "open"


def test_all_workers_know_which_keys_gave_rankings(desk: LedgerDesk) -> None:
    """They know it for a minute after the last ranking."""
    desk.exchange("a", served={"one": 0}, ok=1)
    desk.let_pass(40)
    assert desk.exchange("b", served={"other": 0}, ok=1).served == {"one", "other"}
    desk.let_pass(40)
    assert desk.exchange("c").served == {"other"}
    assert desk.look().served == {"other"}


def test_old_trouble_is_forgotten(desk: LedgerDesk) -> None:
    """Failures with long times between them are no outage."""
    for _ in range(5):
        assert desk.exchange(trouble=6.0).mode == "open"
        desk.let_pass(12)


def test_broken_account_gives_a_probe_every_five_seconds(desk: LedgerDesk) -> None:
    """During an outage there is one permit in five seconds, however often workers ask."""
    trip_breaker(desk)
    probes = 0
    for half in range(60):
        answer = desk.exchange(f"w{half % 4}", want=50)
        probes += answer.permits
        assert answer.permits == answer.probe
        desk.let_pass(0.5)
    assert 5 <= probes <= 6


def test_only_a_probe_ends_an_outage(desk: LedgerDesk) -> None:
    """Answers to calls from before the outage prove nothing; a probe's answer ends it for all."""
    trip_breaker(desk)
    assert desk.exchange(ok=100).mode == "broken"
    assert desk.exchange(ok=1, probe_ok=True).mode == "open"
    desk.let_pass(1)
    assert desk.exchange("other", want=30).permits == 30


def test_a_failed_probe_keeps_the_account_out_of_use(desk: LedgerDesk) -> None:
    """A probe that fails changes nothing, and `since` stays the beginning of the outage."""
    trip_breaker(desk)
    began = desk.look().since
    desk.let_pass(5)
    assert desk.exchange(want=1).probe
    after = desk.exchange(trouble=1.0)
    assert after.mode == "broken"
    assert after.since == pytest.approx(began - 5000, abs=2)


# Retries.


def test_one_retry_is_allowed_for_two_successes(desk: LedgerDesk) -> None:
    """The first retries are free; then two successful calls allow one: a third of all may fail."""
    assert desk.exchange(want=1).retries == 20
    assert desk.exchange(retries=20).retries == 0
    assert desk.exchange(ok=50).retries == 25
    assert desk.exchange(ok=100_000).retries == 200


def test_retries_never_run_out_for_good(desk: LedgerDesk) -> None:
    """If only retries are left, one a second is allowed, so that one can succeed."""
    desk.exchange(want=1)
    desk.exchange(retries=20)
    desk.let_pass(1)
    assert desk.exchange(want=1).retries == 1


def test_at_the_end_of_a_run_retries_go_on(desk: LedgerDesk) -> None:
    """If only retries are left, they may be a tenth of the recent calls."""
    desk.exchange(want=1)
    desk.let_pass(10)
    first = desk.exchange(began=100)
    # A hundred calls within half a second are two hundred a second, so twenty retries.
    used_up = desk.exchange(retries=first.retries)
    assert used_up.retries <= 1 + 20 * (used_up.now - first.now) / 1000
    desk.let_pass(1)
    last = desk.exchange(want=1)
    passed = 1 + (last.now - first.now) / 1000
    assert 19 * passed <= last.retries <= 20 * passed + 2


def test_a_large_fleet_has_retries_too(desk: LedgerDesk) -> None:
    """With more workers than retries, each may make one, until they are used up."""
    answers = [desk.exchange(f"w{number}", want=1) for number in range(30)]
    assert {answer.retries for answer in answers[-5:]} == {1}


# Looks, and the time of the next exchange.


def test_a_look_writes_nothing(desk: LedgerDesk) -> None:
    """A look changes no key, not even those of a worker that is gone."""
    desk.exchange("gone", Limits(rpm=60, concurrency=2), want=2, want_slots=2)
    desk.let_pass(7)
    before = stored(desk)
    desk.look()
    desk.look("unknown")
    assert stored(desk) == before


def test_look_shows_an_account(desk: LedgerDesk) -> None:
    """A look shows limits, workers and rate."""
    limits = Limits(rpm=600, tpm=60_000, concurrency=8)
    desk.exchange("a", limits, want=3, want_slots=3)
    seen = desk.look()
    assert (seen.limits, seen.workers, seen.in_flight) == (limits, 1, 3)
    assert (seen.mode, seen.since, seen.permits) == ("open", 0, 0)
    assert desk.run(desk.accounts.names()) == ["a"]


def test_all_tokens_of_a_limit_are_used(desk: LedgerDesk) -> None:
    """If tokens are scarce, workers ask again when there is a lot of tokens, not of calls."""
    limits, passed, tokens, asked = Limits(tpm=60_000), 0.0, 0.0, 0
    while passed < 10:
        answer = desk.exchange(limits=limits, want=1000, want_tokens=1e6)
        tokens += answer.tokens
        desk.let_pass(answer.ask_ms / 1000)
        passed += answer.ask_ms / 1000
        asked += 1
    assert tokens >= 0.95 * 990 * passed - 500
    assert asked <= 30


def test_workers_take_turns_evenly_apart(desk: LedgerDesk) -> None:
    """Any number of workers that wait for permits ask once in a dozen calls, one after another.

    A dozen workers ask once in 13 calls: without a common divisor they do not call at the same
    moments.
    """
    workers = [f"w{number}" for number in range(12)]
    for each in workers:
        desk.exchange(each, BUSY, want=100)
    desk.let_pass(3)
    answers = [desk.exchange(each, BUSY, want=100) for each in workers]
    turns = [answer.now + answer.ask_ms for answer in answers]
    gaps = [later - earlier for earlier, later in pairwise(turns)]
    assert gaps == pytest.approx([1000 * 13 / PACE_OF_BUSY] * 11, abs=0.01)
    # A worker that has had its turn comes after all others.
    again = desk.exchange("w0", BUSY, want=100)
    assert again.now + again.ask_ms >= turns[-1]


def test_under_a_low_limit_workers_take_turns_every_two_seconds(desk: LedgerDesk) -> None:
    """Under a low limit a worker's lot is that of two seconds, so that no worker waits longer."""
    limits = Limits(rpm=200)
    for number in range(3):
        desk.exchange(f"w{number}", limits, want=100)
    assert desk.exchange("w0", limits, want=100).ask_ms <= 2000


def test_worker_that_got_all_asks_again_when_it_is_used_up(desk: LedgerDesk) -> None:
    """A worker that gets all it wants asks once in a dozen of its calls."""
    desk.exchange(limits=BUSY, want=1)
    desk.let_pass(10)
    answer = desk.exchange(limits=BUSY, began=10, want=15)
    assert answer.permits == 15
    assert answer.ask_ms == pytest.approx(1000 * 12 / 20, rel=0.05)


def test_every_exchange_returns_the_open_breakers(desk: LedgerDesk) -> None:
    """Every exchange returns the breakers of keys, models and accounts that are open."""
    desk.trip("key 1234")
    assert list(desk.exchange(want=1).tripped) == ["key 1234"]
    assert desk.exchange(want=1).tripped == desk.run(desk.breakers.tripped())


def test_worker_short_of_slots_asks_again_when_a_lot_is_used(desk: LedgerDesk) -> None:
    """A worker that has more permits than its slots can use does not ask for more."""
    limits = Limits(concurrency=8)
    desk.exchange(limits=limits, want=1, want_slots=1)
    desk.let_pass(10)
    answer = desk.exchange(limits=limits, began=40, want=1000, want_slots=100)
    assert answer.permits < 1000
    assert answer.ask_ms == pytest.approx(1000 * 12 / 80, rel=0.05)


def test_tokens_come_with_the_calls_that_need_them(desk: LedgerDesk) -> None:
    """A worker that gets some of the calls that it wants gets only the tokens for those."""
    limits = Limits(rpm=600, tpm=60_000)
    desk.exchange(limits=limits, want=1, want_tokens=1)
    desk.let_pass(10)
    answer = desk.exchange(limits=limits, want=100, want_tokens=2000)
    assert 0 < answer.permits < 25
    assert answer.tokens == 20 * answer.permits


def test_the_lowest_limits_hold(desk: LedgerDesk) -> None:
    """If workers name different limits, the lowest of each holds, in any order of exchanges."""
    named = Limits(rpm=600, tpm=9000), Limits(rpm=60, concurrency=4), Limits(), Limits(rpm=90)
    lowest = Limits(rpm=60, tpm=9000, concurrency=4)
    for limits in named:
        desk.exchange(limits=limits)
    for limits in (*named, Limits(rpm=300), Limits(rpm=120), Limits(rpm=70)):
        assert desk.exchange(limits=limits).limits == lowest
    assert desk.look().limits == lowest


def test_limits_that_no_worker_names_any_more_lapse(desk: LedgerDesk) -> None:
    """A lower limit lapses a minute after the last exchange of a worker that names it."""
    desk.exchange("old", Limits(rpm=60))
    desk.exchange("new", Limits(rpm=600))
    for record in ("limits", "named"):
        assert desk.redis.hexists("rerankq:account:a", record)
    named = desk.redis.hget("rerankq:account:a", "named") or b""
    past = desk.now_ms() - 61_000
    aged = {text: past if text == "60//" else at for text, at in json.loads(named).items()}
    desk.redis.hset("rerankq:account:a", "named", json.dumps(aged))
    assert desk.exchange("new", Limits(rpm=600)).limits == Limits(rpm=600)


def test_made_up_limits_do_not_pile_up(desk: LedgerDesk) -> None:
    """Only a few of the limits that workers name are remembered."""
    for number in range(1, 50):
        desk.exchange(limits=Limits(rpm=number))
    assert len(json.loads(desk.redis.hget("rerankq:account:a", "named") or b"")) <= 8


def test_cause_is_shown_as_long_as_it_lasts(desk: LedgerDesk) -> None:
    """Why an account is out of use, and since when, is told while it lasts, then forgotten."""
    desk.exchange(trouble=10.0, cause="upstream_unavailable (500)")
    seen = desk.look()
    assert (seen.mode, seen.cause) == ("broken", "upstream_unavailable (500)")
    opened = desk.exchange(ok=1, probe_ok=True)
    assert (opened.since, opened.cause) == (0, "")
    paused = desk.exchange(throttled=1, pause_ms=90_000, cause="upstream_throttled (429)")
    desk.let_pass(5)
    seen = desk.exchange("other", want=1)
    assert seen.cause == "upstream_throttled (429)"
    assert paused.now - seen.since == pytest.approx(5000, abs=2)
    desk.let_pass(90)
    assert (desk.look().since, desk.exchange(want=1).cause) == (0, "")
