"""One connection: uvicorn's, which bounds neither a request's header nor a caller's time."""

import asyncio
import re
from http import HTTPStatus
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rerankq_gateway.asgi.request import IDLE_SECONDS

MOST_HEADER_BYTES: Final = 64 * 1024
MOST_HEADERS: Final = 200
MOST_URL_BYTES: Final = 16 * 1024
HEADER_SECONDS: Final = 30.0
"""So long a connection may take to send a whole header, also one that sends nothing."""
_UPGRADE: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_BOUNDS: Final = (
    f"an address has at most {MOST_URL_BYTES:,} bytes, a header {MOST_HEADER_BYTES:,} bytes and "
    f"{MOST_HEADERS} lines"
)


class _OverBound(Exception):
    """The header is over a bound."""


class BoundedConnection(HttpToolsProtocol):
    """Closes a connection whose header is too long, or does not come, or that reads no answer.

    Attributes:
        idle_seconds: so long a caller may take nothing of an answer.
    """

    idle_seconds: ClassVar[float] = IDLE_SECONDS

    _is_in_header = True
    _is_between = True
    _header_bytes = 0
    _arrived_bytes = 0
    _refusal: HTTPStatus | None = None
    _patience: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a header."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        self._read_on()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A header begins."""
        self._is_in_header, self._header_bytes, self._arrived_bytes = True, 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the address has come."""
        super().on_url(url)
        if len(self.url) > MOST_URL_BYTES:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the header has come."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MOST_HEADER_BYTES or len(self.headers) > MOST_HEADERS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """The header is whole."""
        self._is_in_header = self._is_between = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole: what comes now is the next one."""
        self._is_between = True
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Parse what has come, and count it while the header is not whole."""
        super().data_received(_without_upgrade(data) if self._is_between else data)
        if not self._is_in_header or self.transport.is_closing():
            return
        # A line that has yet to end is counted nowhere else.
        self._arrived_bytes += len(data)
        if self._arrived_bytes > MOST_URL_BYTES + MOST_HEADER_BYTES:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("")
        elif self._patience is None:
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with a request, and close the connection."""
        status = self._refusal
        if status is None:
            super().send_400_response(msg)
            return
        said = f"{status.phrase}: {_BOUNDS}"
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n"
            f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(said)}\r\n\r\n"
        )
        self.transport.write(f"{head}{said}".encode())
        self.transport.close()

    def pause_writing(self) -> None:
        """The caller is slower than the answer."""
        super().pause_writing()
        if self._unread is None:
            # Closing would wait for the caller too, until the rest is sent.
            self._unread = self.loop.call_later(self.idle_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The caller has read most of what was sent."""
        self._read_on()
        super().resume_writing()

    def _refuse(self, status: HTTPStatus) -> None:
        """End the parsing, upon which uvicorn says that the request is bad."""
        self._refusal = status
        raise _OverBound

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience:
            self._patience.cancel()
            self._patience = None

    def _read_on(self) -> None:
        if self._unread:
            self._unread.cancel()
            self._unread = None


def _without_upgrade(data: bytes) -> bytes:
    """The beginning of a request without its wish for another protocol, which nobody must fulfil.

    Java's own client wishes for HTTP/2 with each request. The parser would then take the body for
    something of that protocol, and the request would come without one.
    """
    head, blank_line, body = data.partition(b"\r\n\r\n")
    if _UPGRADE.search(head) is None:
        return data
    return _UPGRADE.sub(b"\r\nx-upgrade:", head) + blank_line + body
