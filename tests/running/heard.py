"""Events as a list that grows."""

from rerankq.events import Event, Events


def heard(events: Events, kind: type[Event] = Event) -> list[Event]:
    """The events of a kind that are told from now on, all of them where none is named."""
    told: list[Event] = []
    events.listen(told.append, kind)
    return told
