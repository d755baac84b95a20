"""A receiver of webhooks, on a port of its own."""

import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from running.http_thread import HttpThread
from running.waiting import eventually


class Call(NamedTuple):
    """A call that came."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver(HttpThread):
    """Serves between `with` and its end; answers as `answer` says, or 204.

    Attributes:
        calls: what came, in its order.
        answer: from the number of a call, from 1, to a status and headers; 0 for none: the
            connection is closed. It may be changed at any time.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer: Callable[[int], tuple[int, Mapping[str, str]]] = lambda _: (204, {})
        self.endless = False
        self._released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.calls.append(Call(self.path, headers, self.rfile.read(size)))
                receiver._answered(self)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)

    def __exit__(self, *_: object) -> None:
        self._released.set()
        super().__exit__()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.address}/hook"

    def came(self, count: int, *, seconds: float = 30.0) -> list[Call]:
        """The calls, once there are so many."""
        eventually(lambda: len(self.calls) >= count, f"{count} calls came", seconds=seconds)
        return self.calls

    def _answered(self, request: BaseHTTPRequestHandler) -> None:
        status, headers = self.answer(len(self.calls))
        if not status:
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        while self.endless and not self._released.is_set():
            try:
                request.wfile.write(b"x" * 65536)
            except OSError:
                return
