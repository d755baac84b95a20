"""How events reach their listeners, and what that costs."""

import logging
import tracemalloc
from collections.abc import Callable

import pytest

from rerankq.events import (
    EVENTS,
    Event,
    Events,
    JobFailed,
    JobRef,
    JobReleased,
    JobRevoked,
)
from running.heard import heard

RELEASED = JobReleased(job=JobRef("a"))
REVOKED = JobRevoked(job=JobRef("b"))


def test_a_listener_gets_its_kind_until_it_ends() -> None:
    """A listener gets every event of its kind, in order, and none after its end."""
    events = Events()
    some: list[Event] = []
    every = heard(events)
    end = events.listen(some.append, JobReleased)
    for each in (RELEASED, REVOKED, RELEASED):
        events.tell(each)
    end()
    events.tell(RELEASED)
    assert some == [RELEASED, RELEASED]
    assert every == [RELEASED, REVOKED, RELEASED, RELEASED]


def test_events_without_a_listener_are_not_wanted() -> None:
    """A kind of event is wanted only while it has a listener."""
    events = Events()
    assert not events.wanted
    ends = [events.listen(print, JobReleased), events.listen(print, JobReleased)]
    assert events.wanted == {JobReleased}
    ends.pop()()
    assert events.wanted == {JobReleased}
    ends.pop()()
    assert not events.wanted
    heard(events)
    assert events.wanted == set(EVENTS)


def test_two_workers_of_a_process_do_not_hear_each_other() -> None:
    """An event reaches only the listeners of its own object."""
    one, other = Events(), Events()
    told = heard(one)
    other.tell(RELEASED)
    assert told == []


def test_a_listener_that_raises_does_not_affect_others(caplog: pytest.LogCaptureFixture) -> None:
    """Other listeners still get the event; the log reports the error once, without its text."""
    events = Events()

    def raising(event: Event) -> None:
        raise ValueError(f"a query {event}")

    events.listen(raising, Event)
    told = heard(events)
    with caplog.at_level(logging.ERROR):
        for each in (RELEASED, REVOKED):
            events.tell(each)
    assert told == [RELEASED, REVOKED]
    (line,) = caplog.messages
    assert "raising raised ValueError at job.released" in line
    assert "query" not in line


def test_a_listener_may_end_itself_during_an_event() -> None:
    """Listeners may be added or removed while an event is told; all others get it."""
    events, told = Events(), []

    def once(event: JobReleased) -> None:
        told.append(event)
        end()

    end = events.listen(once, JobReleased)
    after = heard(events)
    for _ in range(2):
        events.tell(RELEASED)
    assert told == [RELEASED]
    assert len(after) == 2


def test_an_event_that_nobody_wants_allocates_nothing() -> None:
    """Without a listener, telling an event is only a look into a set."""
    events = Events()

    def tell() -> None:
        if JobFailed in events.wanted:
            events.tell(JobFailed(job=JobRef("a"), attempts=1, reason="r", status=None))

    def allocated(act: Callable[[], None]) -> int:
        """Bytes that an act allocates, without those of the measurement itself."""
        act()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        act()
        _, peak = tracemalloc.get_traced_memory()
        return peak - before

    tracemalloc.start()
    unheard, nothing = allocated(tell), allocated(lambda: None)
    heard(events)
    told = allocated(tell)
    tracemalloc.stop()
    assert unheard == nothing < told
