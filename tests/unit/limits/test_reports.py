"""What a worker reports of an account: each fact once, with what it wants next."""

import pytest

from rerankq.accounts.accounts import Report
from rerankq.contract import Lane
from rerankq_worker.limits.permit import Demand, Permit
from rerankq_worker.limits.reports import MOST_PAUSE_SECONDS
from running.fake_limits import Clock, allotment, permits, taken

NOTHING = Demand(0, 0)


def test_only_a_probe_that_went_well_says_so() -> None:
    """An answer to a call that is no probe is not reported as a probe's."""
    made = permits(given=allotment(permits=1))
    made.went_well(Permit(1, probe=False))
    assert (made.reports.urgent, made.reports.unreported) == (False, True)
    assert not made.report(NOTHING).probe_ok
    made.went_well(Permit(1, probe=True))
    assert made.reports.urgent
    told = made.report(NOTHING)
    assert (told.ok, told.probe_ok) == (1, True)


def test_the_first_ranking_by_a_key_is_reported_soon() -> None:
    """Other workers must know that a key is good before they judge a refusal; the rest can wait."""
    made = permits(given=allotment(permits=1))
    reported_soon = []
    for key_id in ("a key", "a key", "another key"):
        made.gave_ranking(key_id)
        reported_soon.append(made.reports.urgent)
        made.report(NOTHING)
    assert reported_soon == [True, False, True]


def test_trouble_is_reported_soon_and_once() -> None:
    """429s, failures and pauses are urgent until they are reported; then no more."""
    made = permits(given=allotment())
    assert not made.reports.unreported
    made.was_throttled(None)
    made.was_throttled(2.5)
    made.reports.was_asked_to_pause(1)
    made.reports.had_trouble(2.5)
    assert made.reports.urgent
    told = made.report(NOTHING)
    assert (told.throttled, told.trouble, told.pause_ms) == (2, 2.5, 2500)
    assert not made.reports.unreported


def test_pause_is_bounded() -> None:
    """An upstream that asks for a pause of a year is paused for an hour."""
    made = permits(given=allotment())
    made.reports.was_asked_to_pause(1e9)
    assert made.report(NOTHING).pause_ms == MOST_PAUSE_SECONDS * 1000


def test_what_is_new_is_wanted_at_once() -> None:
    """The exchange is called when there is something to ask for or to report."""
    made, calls = permits(), []
    made.reports.ask_soon = lambda: calls.append(1)
    made.take(1, retry=False)
    made.was_throttled(None)
    made.reports.had_trouble(1)
    made.went_well(Permit(1, probe=False))
    assert len(calls) == 4


def test_wants_what_waits_and_what_was_used() -> None:
    """It wants what waits, and 1.5 times what was used, with tokens and slots for it."""
    made = permits(given=allotment(permits=9))
    for _ in range(4):
        taken(made)
    told = made.report(Demand(2, 100))
    assert told.want == 2 + 6
    assert told.want_tokens == 8 * 50
    assert told.want_slots == 4 + 8


def test_what_was_used_is_remembered_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """One report with few calls does not end a worker's demand; idle seconds do."""
    clock = Clock()
    monkeypatch.setattr("rerankq_worker.limits.permits.time", clock)
    made = permits(given=allotment(permits=9))
    calls = [taken(made) for _ in range(4)]
    assert made.report(NOTHING).want == 6
    clock.now += 0.02
    told = made.report(NOTHING)
    assert 4 <= told.want <= 6
    assert told.want_slots == 4 + told.want
    clock.now += 2
    for call in calls:
        made.done(call)
    idle = made.report(NOTHING)
    assert (idle.want, idle.want_slots) == (0, 0)


def test_idle_worker_wants_nothing() -> None:
    """A worker with nothing to do wants nothing, whatever it used a moment ago."""
    made = permits(given=allotment(permits=9))
    calls = [taken(made) for _ in range(4)]
    made.report(NOTHING)
    for call in calls:
        made.done(call)
    idle = made.report(NOTHING)
    assert (idle.want, idle.want_slots) == (0, 0)


def test_slots_wanted_are_no_more_than_can_be_used() -> None:
    """A worker wants no more slots than it may have calls in flight."""
    assert permits().report(Demand(5000, 1)).want_slots == 100


def test_reports_are_kept_while_redis_is_away() -> None:
    """A report that did not arrive is sent later, together with what happened since."""
    made = permits(given=allotment(permits=5))
    taken(made, retry=True)
    made.was_throttled(3)
    lost = made.report(NOTHING)
    made.live_on_little(lost, 0.5)
    made.reports.had_trouble(1, 2)
    made.went_well(Permit(1, probe=True))
    told = made.report(NOTHING)
    assert told == Report(
        Lane.BULK.value,
        want=2,
        want_slots=3,
        left=1,
        left_tokens=-1,
        began=1,
        retries=1,
        in_flight=1,
        ok=1,
        throttled=1,
        trouble=1,
        pause_ms=3000,
        trouble_pause_ms=2000,
        probe_ok=True,
    )


def test_a_report_that_may_have_arrived_is_sent_as_it_was() -> None:
    """It keeps its serial, so it counts once; what happened since follows in the next report."""
    made = permits(given=allotment(permits=5))
    taken(made)
    made.was_throttled(3)
    lost = made.report(NOTHING)
    made.live_on_little(lost, 0.5, may_be_told=True)
    made.reports.had_trouble(1, 2)
    for _ in range(2):
        again = made.report(Demand(7, 0.0))
        made.live_on_little(again, 0.5, may_be_told=True)
        assert (again.serial, again.began, again.throttled) == (lost.serial, 1, 1)
        assert (again.trouble, again.want) == (0, 7 + 2)
        # One of them is used meanwhile.
        assert again.left == lost.left - 1
    made.receive(allotment())
    later = made.report(NOTHING)
    assert later.serial != lost.serial
    assert (later.began, later.throttled, later.trouble) == (0, 0, 1)
