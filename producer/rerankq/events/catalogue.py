"""All kinds of events."""

from types import ModuleType
from typing import Final

from rerankq.events import (
    access,
    batches,
    calls,
    deliveries,
    jobs,
    limits,
    operators,
    requests,
    shadows,
    workers,
)
from rerankq.events.event import Event


def _kinds(module: ModuleType) -> list[type[Event]]:
    """The events that a module defines; the base class, which it imports, has no name."""
    found = [each for each in vars(module).values() if isinstance(each, type)]
    return [each for each in found if issubclass(each, Event) and each.name]


EVENTS: Final[tuple[type[Event], ...]] = tuple(
    kind
    for module in (
        *(jobs, calls, limits, workers, batches),
        *(access, operators, requests, deliveries, shadows),
    )
    for kind in _kinds(module)
)
