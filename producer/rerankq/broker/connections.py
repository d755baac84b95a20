"""The connections to Redis that kombu makes: they are given up where they lead nowhere.

kombu keeps a connection for as long as it looks sound. One whose peer is gone without a word looks
so for ever, and whoever waits there waits for ever: workers have no time limit for their broker.
One to a Redis that was the primary, and is a replica now, refuses for ever what a new one might
be granted, as the address may lead to another Redis by now.
"""

import socket
import threading
from contextlib import suppress
from typing import Any, Final
from weakref import WeakSet

from redis.connection import AbstractConnection
from redis.exceptions import ReadOnlyError

_lock: Final = threading.Lock()
_known: Final[WeakSet[AbstractConnection]] = WeakSet()


class _Droppable(AbstractConnection):
    """What is added to a class of the library's connections."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        with _lock:
            _known.add(self)

    def read_response(self, *arguments: Any, **settings: Any) -> Any:
        """The reply; a connection on which a replica refuses to write is closed."""
        try:
            return super().read_response(*arguments, **settings)
        except ReadOnlyError:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise


def droppable(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """A class like `kind` whose connections leave replicas; `cut_connections` reaches them."""
    return type(f"Droppable{kind.__name__}", (_Droppable, kind), {})


def cut_connections() -> int:
    """Cut the connections of this process to its broker; returns how many those were.

    May be called from any thread: whoever waits for an answer there is told that the connection
    is closed, and makes a new one.
    """
    with _lock:
        known = list(_known)
    sockets = [each for each in (getattr(one, "_sock", None) for one in known) if each is not None]
    for each in sockets:
        # Not closed, which is the owner's to do. And not as TLS would have it: that would talk to
        # the other side first.
        with suppress(OSError):
            socket.socket.shutdown(each, socket.SHUT_RDWR)
    return len(sockets)
