"""One HTTP/1.1 connection: a request out, its answer in, then the next."""

import asyncio
import select
from collections.abc import Callable
from typing import Final

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from rerankq_worker.provider.tolerant import INFORMATIONAL, Headers, TolerantReader

MOST_BARREN_BYTES: Final = 64 * 1024
"""How many bytes of heads, trailers and framing may come without a byte of body."""
MOST_WAITING_BYTES: Final = 256 * 1024
"""How many bytes of a body may wait to be read before reading from the socket pauses."""
MOST_KEPT_BYTES: Final = 4 * 1024 * 1024
"""How many bytes of a chunked answer are kept, to be read again if a fault is found in it."""
SUCCESS: Final = range(200, 300)
_IDLE_TIMEOUT: Final = (b"HTTP/1.1 408", b"HTTP/1.0 408")
"""What some proxies send before they close an idle connection: it answers no request."""


class EarlyAnswerError(httpx.RemoteProtocolError):
    """Bytes came before the request was sent, so they do not answer it."""


class Connection(asyncio.Protocol):
    """Exchanges one message after the other; any error ends it for good.

    httptools parses, and calls the methods that begin with `on_`. An answer that it refuses is read
    again by a slower, more tolerant reader.

    Args:
        surplus: called when the other side sends an answer to no request.
    """

    def __init__(self, surplus: Callable[[], None]) -> None:
        self.status = 0
        self.headers: Headers = []
        self.idle_since = 0.0
        """When its last exchange ended, by the loop's clock in seconds."""
        self.asked_at = self.usable_at = 0.0
        """When its last exchange began, and from when it may carry the next, by the same clock."""
        self.last_seconds = 0.0
        """How long its last exchange took."""
        self.sloppy: str | None = None
        """How the answer breaks the rules of HTTP, although it could be read."""
        self._surplus = surplus
        self._transport: asyncio.Transport
        self._readable = select.poll()
        self._parser = HttpResponseParser(self)
        self._tolerant: TolerantReader | None = None
        self._error: httpx.TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._chunks: list[bytes] = []
        self._kept: list[bytes] | None = None
        self._body_bytes = self._waiting_bytes = self._barren_bytes = 0
        self._exchanges = 0
        self._head_read = False
        self._over = True

    @property
    def is_sending(self) -> bool:
        """Whether a part of the request is still to be sent."""
        return self._transport.get_write_buffer_size() > 0

    @property
    def is_clean(self) -> bool:
        """Whether the exchange is over to the last byte, and its answer was a success.

        After a 504 or a 408 the late answer may still come.
        """
        left = self._error or self._chunks or self.is_sending
        return self._over and self.status in SUCCESS and not left

    @property
    def is_used_again(self) -> bool:
        """Whether its present exchange is not its first."""
        return self._exchanges > 1

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come since its last exchange, not even unread bytes in the socket."""
        return not self._error and not self._readable.poll(0)

    async def exchange(self, message: bytes) -> None:
        """Send a request, and wait for the head of its answer: `status` and `headers`.

        Raises:
            EarlyAnswerError: bytes came that do not answer this request; it may be sent again.
            httpx.TransportError: there is no answer.
        """
        if self._error:
            raise self._error
        self._exchanges += 1
        self.asked_at = asyncio.get_running_loop().time()
        self._over = self._head_read = False
        self._kept, self._body_bytes = [], 0
        self._transport.write(message)
        while not self._head_read:
            await self._news()

    async def chunk(self) -> bytes:
        """The part of the body that came since the last call; empty at its end.

        Raises:
            httpx.TransportError: the rest of the body will not come.
        """
        while not self._chunks and not self._over:
            await self._news()
        chunk, self._waiting_bytes = b"".join(self._chunks), 0
        self._chunks.clear()
        self._transport.resume_reading()
        return chunk

    def abort(self) -> None:
        """End the connection at once."""
        self._fail(httpx.ReadError("the connection was ended from this side"))

    async def _news(self) -> None:
        if self._error:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _tell(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: httpx.TransportError) -> None:
        self._error = self._error or error
        self._transport.abort()
        self._tell()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where requests go."""
        self._transport = transport  # type: ignore[assignment]  # a stream's always is one
        self._readable.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Read the next bytes, within bounds."""
        if self._over:
            return self._met_surplus(data)
        if self._exchanges > 1 and self.is_sending:
            # On a new connection an early answer is this request's: a 413, for example.
            return self._fail(EarlyAnswerError("an answer came before the request was sent"))
        self._barren_bytes += len(data)
        if self._tolerant:
            self._read_tolerantly(data)
        else:
            self._read(data)
        if self._waiting_bytes > MOST_WAITING_BYTES:
            self._transport.pause_reading()
        if self._barren_bytes > MOST_BARREN_BYTES:
            self._fail(httpx.RemoteProtocolError("a head that does not end"))
        return self._tell()

    def connection_lost(self, error: Exception | None) -> None:
        """End the exchange; with success if the answer's end is that of the connection."""
        if not self._over and not error and not self._error:
            if self._head_read and not self._tolerant and not _is_bounded(self.headers):
                self._over = True
            elif self._tolerant or self._kept:
                self._read_tolerantly(b"", ended=True)
        self._fail(httpx.ReadError("it was closed before the answer was whole"))

    # How an answer is read.

    def _read(self, data: bytes) -> None:
        if self._kept is not None:
            self._kept.append(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._fail(httpx.RemoteProtocolError("another protocol"))
        except HttpParserError as error:
            if self._over:
                return self._met_surplus(data)
            self.sloppy = str(error)
            return self._read_tolerantly(b"")
        if self._over or (self._head_read and self._kept and not self._may_be_odd()):
            self._kept = None
        return None

    def _may_be_odd(self) -> bool:
        """Whether the rest of an answer may be faulty, as chunks may be, and is still kept."""
        chunked = any(name.lower() == b"transfer-encoding" for name, _ in self.headers)
        return chunked and self._body_bytes < MOST_KEPT_BYTES

    def _read_tolerantly(self, data: bytes, *, ended: bool = False) -> None:
        """Read an answer that httptools refuses; the first call reads it from its beginning."""
        kept, self._kept = self._kept or [], None
        known = self._tolerant is not None
        reader = self._tolerant = self._tolerant or TolerantReader()
        try:
            for each in (*kept, data):
                reader.feed(each)
            if ended:
                reader.end()
                self.sloppy = self.sloppy or "the connection ended before the last chunk did"
        except ValueError as error:
            wrong = f"{error} ({self.sloppy or 'cut off'})"
            self._fail((httpx.ReadError if ended else httpx.RemoteProtocolError)(wrong))
        self._take_over(reader, read_before=0 if known else self._body_bytes)

    def _take_over(self, reader: TolerantReader, *, read_before: int = 0) -> None:
        """Take over what the tolerant reader has read, without the part that was read before."""
        if reader.status and not self._head_read:
            self.status, self.headers, self._head_read = reader.status, reader.headers, True
        if body := reader.take()[read_before:]:
            self.on_body(body)
        if reader.over:
            self._over = True
            self._fail(httpx.ReadError("an answer that is not quite HTTP ends its connection"))

    def _met_surplus(self, data: bytes) -> None:
        if self._exchanges and data.strip() and not data.startswith(_IDLE_TIMEOUT):
            self._surplus()
        self._fail(httpx.RemoteProtocolError("an answer came that nobody asked for"))

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Begin an answer.

        Raises:
            ValueError: it is a second answer to the same request.
        """
        if self._over:
            raise ValueError("an answer behind the answer")
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; ignore trailers."""
        if not self._head_read:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take note of the head, unless it is that of an interim answer (1xx)."""
        self.status = self._parser.get_status_code()
        self._head_read = self.status >= INFORMATIONAL
        self._barren_bytes = 0

    def on_body(self, chunk: bytes) -> None:
        """Keep a part of the body."""
        self._chunks.append(chunk)
        self._body_bytes += len(chunk)
        self._waiting_bytes += len(chunk)
        self._barren_bytes = 0

    def on_message_complete(self) -> None:
        """End the answer."""
        if self._head_read:
            self._over = True
            if not self._parser.should_keep_alive():
                self._fail(httpx.ReadError("the other side does not keep the connection"))


def _is_bounded(headers: Headers) -> bool:
    """Whether the headers tell where the body ends."""
    return any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in headers)
