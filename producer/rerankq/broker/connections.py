"""The connections to Redis that kombu makes: they are closed when they are of no use any more.

kombu keeps a connection as long as it seems sound. When the other end has gone silently, it seems
sound for ever, and a worker would wait on it for ever, because a worker has no time limit for its
broker. A connection to a Redis that was the primary, and is a replica now, refuses every write; a
new one may succeed, because the address may lead to another Redis by now.
"""

import socket
import threading
from contextlib import suppress
from typing import Any, Final
from weakref import WeakSet

from redis.connection import AbstractConnection
from redis.exceptions import ReadOnlyError, RedisError

from rerankq.store.connecting import PRIMARY_AWAY
from rerankq.store.primary import Primary

_lock: Final = threading.Lock()
_known: Final[WeakSet[AbstractConnection]] = WeakSet()


class _Droppable(AbstractConnection):
    """Added to a connection class of the library."""

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


class _ToPrimary(AbstractConnection):
    """Added to a connection class of the library: connects to where the primary is now."""

    def __init__(self, *arguments: Any, primary: Primary, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._primary = primary

    def _connect(self) -> Any:
        place = self.host, self.port = self._primary.find_blocking()
        try:
            return super()._connect()  # type: ignore[safe-super, no-untyped-call]
        except (RedisError, OSError):
            self._primary.doubt(place)
            raise

    def _error_message(self, exception: BaseException) -> str:
        said = super()._error_message(exception)  # type: ignore[no-untyped-call]
        return f"{PRIMARY_AWAY}: {said}"


def to_primary(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """A class like `kind` whose connections ask for host and port each time they connect."""
    return type(f"ToPrimary{kind.__name__}", (_ToPrimary, kind), {})


def droppable(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """A class like `kind` whose connections close at replicas, and which `cut_connections` cuts."""
    return type(f"Droppable{kind.__name__}", (_Droppable, kind), {})


def cut_connections() -> int:
    """Cut the connections of this process to its broker; returns how many those were.

    May be called from any thread: code that waits for an answer there gets an error that the
    connection is closed, and makes a new one.
    """
    with _lock:
        known = list(_known)
    sockets = [each for each in (getattr(one, "_sock", None) for one in known) if each is not None]
    for each in sockets:
        # Its owner closes it. Not by TLS's own shutdown, which would first send to the other side.
        with suppress(OSError):
            socket.socket.shutdown(each, socket.SHUT_RDWR)
    return len(sockets)
