"""How an operator's own listeners come to a worker's events."""

import sys
from types import ModuleType

import pytest

from rerankq.contract import Lane
from rerankq.errors import SettingsError
from rerankq.events import Event, Events, JobRef, JobReleased
from rerankq_worker.telemetry.listeners import attach_listeners, named_listeners

RELEASED = JobReleased(job=JobRef("a"))


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of an operator, whose functions a test sets."""
    module = ModuleType("measures")
    monkeypatch.setitem(sys.modules, "measures", module)
    return module


def test_a_named_function_gets_the_events_and_the_lane(measures: ModuleType) -> None:
    """A function that the setting names adds its listeners, and knows the worker's lane."""
    told: list[tuple[Lane, Event]] = []

    def count(events: Events, lane: Lane) -> None:
        events.listen(lambda event: told.append((lane, event)), JobReleased)

    measures.count = count  # type: ignore[attr-defined]  # of this test
    events = Events()
    attach_listeners(["measures:count"], events, Lane.BULK)
    events.tell(RELEASED)
    assert told == [(Lane.BULK, RELEASED)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module:count", "no_such_module:count cannot be imported: ModuleNotFoundError"),
        ("measures:missing", "measures:missing cannot be imported: AttributeError"),
        ("measures count", "measures count cannot be imported: ValueError"),
        ("measures:number", "measures:number is no function"),
    ],
)
def test_a_wrong_name_is_a_wrong_setting(measures: ModuleType, name: str, said: str) -> None:
    """A name that leads to no function is refused before the worker starts, with its setting."""
    measures.number = 7  # type: ignore[attr-defined]  # of this test
    with pytest.raises(SettingsError, match=f"^RERANKQ_LISTENERS: {said}"):
        named_listeners([name])


def test_a_function_that_raises_is_a_wrong_setting(measures: ModuleType) -> None:
    """A worker does not start without a listener that its operator wants."""

    def refuse(_: Events, lane: Lane) -> None:
        raise OSError(f"no port for {lane}")

    measures.refuse = refuse  # type: ignore[attr-defined]  # of this test
    with pytest.raises(SettingsError, match="refuse raised OSError: no port for bulk"):
        attach_listeners(["measures:refuse"], Events(), Lane.BULK)
