"""Delivers events to listeners."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from rerankq.events.catalogue import EVENTS
from rerankq.events.event import Event

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)
Listener = Callable[[Any], object]


class Events:
    """Tells listeners what happens. Each worker, and each client, has one of its own.

    Code that tells an event makes it only if it is `wanted`, so that nothing is allocated when
    nobody listens:

    >>> if JobRevoked in events.wanted:
    ...     events.tell(JobRevoked(job=JobRef(job_id)))

    Attributes:
        wanted: the kinds of event that have a listener.
    """

    __slots__ = ("_changing", "_listeners", "_silenced", "wanted")

    def __init__(self) -> None:
        self.wanted: frozenset[type[Event]] = frozenset()
        self._listeners: dict[type[Event], tuple[Listener, ...]] = {}
        self._silenced: list[Listener] = []
        self._changing = threading.Lock()

    def listen(self, listener: Callable[[E], object], kind: type[E]) -> Callable[[], None]:
        """Call a listener with every event of a kind from now on.

        It is called at once, in the thread of the event (most often a worker's event loop), so it
        must return soon and never block: to write elsewhere, it puts events into a queue. An
        exception that it raises is logged once, and does no harm.

        Args:
            listener: called with each event.
            kind: a class of events; `Event` for all of them.

        Returns:
            A function that removes the listener.
        """
        kinds = [each for each in EVENTS if issubclass(each, kind)]
        self._change({each: (*self._listeners.get(each, ()), listener) for each in kinds})

        def end() -> None:
            self._change({each: _without(listener, self._listeners[each]) for each in kinds})

        return end

    def tell(self, event: Event) -> None:
        """Call the listeners of this kind of event."""
        for listener in self._listeners.get(type(event), ()):
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001  no error of a listener may affect a job
                self._say_once(listener, event, error)

    def _change(self, listeners: dict[type[Event], tuple[Listener, ...]]) -> None:
        with self._changing:
            # A new table each time: other threads may be reading the old one.
            self._listeners = self._listeners | listeners
            self.wanted = frozenset(kind for kind, heard in self._listeners.items() if heard)

    def _say_once(self, listener: Listener, event: Event, error: Exception) -> None:
        if listener in self._silenced:
            return
        self._silenced.append(listener)
        # Not the error's own message: it may quote a job.
        log.error(
            "the listener %s raised %s at %s: its further errors are not logged",
            *(_title(listener), type(error).__name__, event.name),
        )


def _without(listener: Listener, listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    at = listeners.index(listener) if listener in listeners else len(listeners)
    return (*listeners[:at], *listeners[at + 1 :])


def _title(listener: Listener) -> str:
    kind: Final = type(listener)
    return f"{listener.__module__}.{getattr(listener, '__qualname__', kind.__qualname__)}"
