"""A server that sends the exact bytes that a test wants; each connection has a thread."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Serve = Callable[[socket.socket], None]

TIMEOUT_S = 30.0


class RawServer:
    """Serves between `with` and its end.

    Args:
        serve: what to do with a connection, in a thread of its own; it is closed afterwards.
        secure: the context for TLS; None for plain connections.
    """

    def __init__(self, serve: Serve, secure: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self._serve = serve
        self._secure = secure
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._secure else 'http'}://127.0.0.1:{self.port}/v1/rerank"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        # This wakes threads that wait for connections or bytes; closing would not.
        for each in (self._listening, *tuple(self._open)):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in tuple(self._threads):
            thread.join(TIMEOUT_S)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                self._open.add(connection)
                thread = threading.Thread(target=self._handle, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _handle(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = plain
        try:
            if self._secure:
                connection = self._secure.wrap_socket(plain, server_side=True)
                self._open.add(connection)
            self._serve(connection)
        except (OSError, EOFError):
            pass
        finally:
            self._open -= {plain, connection}
            connection.close()


def read_request(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head and the body of the next request.

    Raises:
        EOFError: there is none.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += _some(connection)
    return head, body


def read_all(connection: socket.socket) -> None:
    """Read until the other side closes, and send nothing."""
    with suppress(EOFError):
        while True:
            _some(connection)


def _some(connection: socket.socket) -> bytes:
    some = connection.recv(65536)
    if not some:
        raise EOFError
    return some
