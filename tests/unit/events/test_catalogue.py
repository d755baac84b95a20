"""What all kinds of event have in common, and their page in the docs."""

import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path

import pytest

from rerankq import events
from rerankq.events import EVENTS, CallRef, Event, JobRef

PAGE = Path(__file__).parents[3] / "docs" / "events.md"
ROW = re.compile(r"^\| `([a-z]+\.[a-z_]+)` \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)
PRIVATE = re.compile(r"query|document|text|payload|metadata|header|authorization|secret|password")

each_kind = pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)


def parts(annotation: object) -> Iterator[object]:
    """The types that an annotation names."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union, Mapping):
        for each in typing.get_args(annotation):
            yield from parts(each)
    else:
        yield typing.get_origin(annotation) or annotation


def test_every_kind_is_in_the_list_under_a_name_of_its_own() -> None:
    """Each event class of the package is in the list once, with its own name."""
    given = [
        each
        for each in vars(events).values()
        if isinstance(each, type) and issubclass(each, Event) and each is not Event
    ]
    assert sorted(EVENTS, key=str) == sorted(given, key=str)
    assert len({kind.name for kind in EVENTS}) == len(EVENTS)


@each_kind
def test_an_event_cannot_hold_private_content(kind: type[Event]) -> None:
    """Its fields are numbers, names and words for a log: no job, request, error or bytes."""
    allowed = {str, int, float, bool, type(None), JobRef, CallRef}
    for name, annotation in [*hints(kind), *hints(JobRef), *hints(CallRef)]:
        assert not PRIVATE.search(name)
        for each in parts(annotation):
            is_enum = isinstance(each, type) and issubclass(each, Enum)
            assert each in allowed or is_enum, f"{kind.name}: {name}"


@each_kind
def test_an_event_cannot_be_changed(kind: type[Event]) -> None:
    """A listener cannot change the event that the next listener gets."""
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # dataclasses has no other
    assert "__slots__" in vars(kind)


def test_the_page_names_every_event_with_its_measures() -> None:
    """`docs/events.md` has a row for each kind, with exactly its fields."""
    rows = {name: re.findall(r"`(\w+)`", cell) for name, _, cell in ROW.findall(PAGE.read_text())}
    assert rows == {kind.name: [name for name, _ in hints(kind)] for kind in EVENTS}


def hints(kind: type) -> list[tuple[str, object]]:
    """The fields of a class, and their types."""
    known = typing.get_type_hints(kind)
    return [(name, known[name]) for name in inspect.signature(kind).parameters]
