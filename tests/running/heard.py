"""Collects events in a list."""

from rerankq.events import Event, Events


def heard(events: Events, kind: type[Event] = Event) -> list[Event]:
    """A list to which all events of this kind are added from now on."""
    told: list[Event] = []
    events.listen(told.append, kind)
    return told
