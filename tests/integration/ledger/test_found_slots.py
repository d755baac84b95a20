"""Workers find out whether the upstream limits the rate or the calls in flight, by trying both."""

from typing import Any

import pytest

from running.ledger_desk import LedgerDesk


def throttled_on(desk: LedgerDesk, *, ok: int) -> int | None:
    """Simulate twelve seconds with `ok` answers in each four, then a 429; returns the slots."""
    told: dict[str, Any] = {"want": 50, "want_slots": 50, "in_flight": 20}
    for _ in range(3):
        desk.let_pass(4)
        desk.exchange(began=ok, ok=ok, **told)
    return desk.exchange(throttled=1, **told).slots


@pytest.mark.parametrize(("ok", "kept"), [(500, True), (300, False)])
def test_what_serves_more_is_taken_for_the_limit(desk: LedgerDesk, ok: int, *, kept: bool) -> None:
    """If the rate is throttled again, a limit of calls in flight is tried, and kept if better."""
    desk.exchange(want=1)
    assert throttled_on(desk, ok=400) is None
    assert throttled_on(desk, ok=400) is None
    assert throttled_on(desk, ok=400) == 20
    after = throttled_on(desk, ok=ok)
    assert after is not None if kept else after is None


def test_slots_that_were_found_stay_and_then_grow(desk: LedgerDesk) -> None:
    """A 429 removes one slot; after some seconds in which all slots are used there are more."""
    told: dict[str, Any] = {"want": 50, "want_slots": 50, "in_flight": 20, "began": 50, "ok": 50}
    for _ in range(3):
        throttled_on(desk, ok=400)
    desk.let_pass(1)
    assert desk.exchange(throttled=1, **told).slots == 19
    slots = []
    for _ in range(6):
        desk.let_pass(1)
        slots.append(desk.exchange(**told).slots or 0)
    assert slots[0] == 19
    assert slots == sorted(slots)
    assert 21 <= slots[-1] <= 40


def test_slots_begin_with_the_most_that_were_in_flight(desk: LedgerDesk) -> None:
    """The slots tried are the most calls at once of the last seconds, not those after a 429."""
    for _ in range(2):
        throttled_on(desk, ok=400)
    told: dict[str, Any] = {"want": 50, "want_slots": 50}
    for _ in range(3):
        desk.let_pass(4)
        desk.exchange(began=400, ok=400, in_flight=20, **told)
    desk.let_pass(0.5)
    assert desk.exchange(throttled=1, in_flight=10, **told).slots == 10
    assert desk.exchange(in_flight=10, **told).slots == 20


def test_a_slot_that_was_refused_is_not_tried_at_once(desk: LedgerDesk) -> None:
    """After a 429 a worker keeps the slots of its calls in flight; others share the rest."""
    for _ in range(3):
        throttled_on(desk, ok=400)
    told: dict[str, Any] = {"want": 50, "want_slots": 50}
    desk.let_pass(1)
    assert desk.exchange(throttled=1, in_flight=8, **told).slots == 8
    assert desk.exchange("b", **told).slots == 10


def test_slots_that_served_more_are_kept_while_most_calls_are_throttled(desk: LedgerDesk) -> None:
    """A moment in which most calls are throttled does not end slots that served more."""
    for _ in range(3):
        throttled_on(desk, ok=400)
    assert throttled_on(desk, ok=500) is not None
    told: dict[str, Any] = {"want": 50, "want_slots": 50, "in_flight": 5}
    desk.let_pass(4)
    assert desk.exchange(began=200, ok=50, throttled=100, **told).slots is not None
    assert throttled_on(desk, ok=200) is not None
    assert throttled_on(desk, ok=200) is not None
