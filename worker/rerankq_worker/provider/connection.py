"""One HTTP/1.1 connection: a request out, its answer in, then the next."""

import asyncio
from typing import Final

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MOST_BARREN_BYTES: Final = 64 * 1024
"""Of heads, trailers and framing that come without a byte of body between."""
MOST_WAITING_BYTES: Final = 256 * 1024
"""Of a body that nobody has read yet: the other side waits then."""
INFORMATIONAL: Final = 200

Headers = list[tuple[bytes, bytes]]


class Connection(asyncio.Protocol):
    """Exchanges one message after the other; ended for good by whatever goes wrong in one.

    httptools parses, and calls the methods that begin with `on_`.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self.idle_since = 0.0
        """When its last exchange ended, by the loop's clock in seconds."""
        self._transport: asyncio.Transport
        self._parser = HttpResponseParser(self)
        self._error: httpx.TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._chunks: list[bytes] = []
        self._waiting_bytes = self._barren_bytes = 0
        self._head_read = False
        self._over = True

    @property
    def is_sending(self) -> bool:
        """Whether a part of the request is still to be sent."""
        return self._transport.get_write_buffer_size() > 0

    @property
    def reusable(self) -> bool:
        """Whether the exchange is over, to the last byte, and another one may follow."""
        left = self._chunks or self._transport.get_write_buffer_size()
        return self._over and not self._error and not left

    async def exchange(self, message: bytes) -> None:
        """Send a request, and wait for the head of its answer: `status` and `headers`.

        Raises:
            httpx.TransportError: there is none.
        """
        self._over = self._head_read = False
        self._transport.write(message)
        while not self._head_read:
            await self._news()

    async def chunk(self) -> bytes:
        """What has come of the body since the last time; nothing at its end.

        Raises:
            httpx.TransportError: it will not come whole.
        """
        while not self._chunks and not self._over:
            await self._news()
        chunk, self._waiting_bytes = b"".join(self._chunks), 0
        self._chunks.clear()
        self._transport.resume_reading()
        return chunk

    def abort(self) -> None:
        """End it at once, whatever is under way."""
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

    def data_received(self, data: bytes) -> None:
        """Read on, within bounds."""
        if self._over:
            return self._fail(httpx.RemoteProtocolError("an answer came that nobody asked for"))
        self._barren_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            return self._fail(httpx.RemoteProtocolError(f"no HTTP: {type(error).__name__}"))
        if self._waiting_bytes > MOST_WAITING_BYTES:
            self._transport.pause_reading()
        if self._barren_bytes > MOST_BARREN_BYTES:
            self._fail(httpx.RemoteProtocolError("a head that does not end"))
        return self._tell()

    def connection_lost(self, error: Exception | None) -> None:
        """End the exchange: well, if its answer was to be as long as the connection lasts."""
        if self._head_read and not self._over and not error and not _is_bounded(self.headers):
            self._over = True
        self._fail(httpx.ReadError("the connection was lost"))

    # What httptools calls.

    def on_message_begin(self) -> None:
        """Begin an answer, of which there is one to a request.

        Raises:
            ValueError: this one is a second.
        """
        if self._over:
            raise ValueError("an answer behind the answer")
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer has nothing to say."""
        if not self._head_read:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Tell of the head, if it is not that of a mere notice ahead of the answer."""
        self.status = self._parser.get_status_code()
        self._head_read = self.status >= INFORMATIONAL
        self._barren_bytes = 0

    def on_body(self, chunk: bytes) -> None:
        """Keep a part of the body."""
        self._chunks.append(chunk)
        self._waiting_bytes += len(chunk)
        self._barren_bytes = 0

    def on_message_complete(self) -> None:
        """Tell of the end."""
        if self._head_read:
            self._over = True
            if not self._parser.should_keep_alive():
                self._fail(httpx.ReadError("the other side does not keep the connection"))


def _is_bounded(headers: Headers) -> bool:
    """Whether a head says where its body ends."""
    return any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in headers)
