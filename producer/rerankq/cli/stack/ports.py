"""Ports of this machine: free ones, and whether somebody listens."""

import http.client
import socket
from typing import Final

_SECONDS: Final = 1.0
_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  a key, not a bind


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError:
        return False
    return True


def reachable(host: str) -> str:
    """An address of this machine at which a server that listens on `host` is reached."""
    return _EVERY_ADDRESS.get(host, host)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def lives(host: str, port: int) -> bool:
    """Whether an HTTP server there answers 200 to `/live`."""
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", "/live")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
