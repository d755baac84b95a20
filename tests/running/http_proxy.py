"""An HTTP proxy: passes requests on, or opens a tunnel for TLS."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

TIMEOUT_S = 30.0


class HttpProxy:
    """Serves connections; the handler of a `RawServer`.

    Args:
        login: the value of Proxy-Authorization that it wants, if any.
    """

    def __init__(self, login: str = "") -> None:
        self.asked: list[str] = []
        """The first line of each request, as it came."""
        self._login = login

    def __call__(self, connection: socket.socket) -> None:
        """Serve a connection."""
        received = b""
        while b"\r\n\r\n" not in received:
            some = connection.recv(65536)
            if not some:
                return
            received += some
        head, _, rest = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.asked.append(lines[0])
        if self._login and f"Proxy-Authorization: {self._login}" not in lines:
            connection.sendall(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, _ = lines[0].split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port)), TIMEOUT_S) as beyond:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _join(connection, beyond)
            return
        address = urlsplit(target)
        assert address.hostname
        with socket.create_connection((address.hostname, address.port or 80), TIMEOUT_S) as beyond:
            own = [each for each in lines[1:] if not each.startswith("Proxy-")]
            first = f"{method} {address.path} HTTP/1.1"
            beyond.sendall("\r\n".join([first, *own, "", ""]).encode("latin-1") + rest)
            _join(connection, beyond)


def _join(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes from either side, until one side ends."""
    back = threading.Thread(target=_pass_on, args=(other, one))
    back.start()
    _pass_on(one, other)
    back.join(TIMEOUT_S)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while some := source.recv(65536):
            target.sendall(some)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
