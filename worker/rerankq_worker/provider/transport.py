"""HTTP/1.1 straight from asyncio, behind httpx's interface of a transport.

Measured, as everything here: a call costs a third of what it does over aiohttp, and half of what
it does over the fastest transport in a library (docs/performance.md). It can do no more than a
call to one endpoint needs: no redirects, no cookies, no compression, no proxy.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import aiohappyeyeballs
import httpx

from rerankq_worker.provider.connection import Connection
from rerankq_worker.provider.trust import Trust

KEEPALIVE_SECONDS: Final = 30.0
RESOLVED_SECONDS: Final = 10.0
HAPPY_EYEBALLS_SECONDS: Final = 0.25
"""Until the next address is tried beside one that does not answer; RFC 8305."""
WRONG_NAME: Final = {62, 64}
"""OpenSSL's numbers (X509_V_ERR_*) of a host's name and of its address."""
NAMES_SECONDS: Final = 5.0
MOST_NAMES: Final = 5
UNSENT: Final = "unsent"
"""Extension of a request that was given up before all of it was sent."""

_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)


class EndpointTransport(httpx.AsyncBaseTransport):
    """Carries requests to one endpoint, over as many connections as there are calls at a time.

    The request's `connect` timeout is held here. The others are whoever's who calls: one time
    limit around the whole call holds all of them.

    Args:
        url: the endpoint; a request goes there, whatever host its own URL names.
        trusted: whom to trust, where the endpoint speaks TLS.
    """

    def __init__(self, url: httpx.URL, trusted: Trust) -> None:
        self._secure = url.scheme == "https"
        self._host = url.raw_host.decode("ascii")
        self._port = url.port or (443 if self._secure else 80)
        self._trusted = trusted
        self._idle: deque[Connection] = deque()
        self._resolving = asyncio.Lock()
        self._resolved_until = 0.0
        self._addresses: list[Any] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer.

        Raises:
            httpx.ConnectError: no connection could be made.
            httpx.ConnectTimeout: likewise, in the time given.
            httpx.TransportError: the connection broke later, or the answer is no HTTP.
        """
        message = _head(request) + await request.aread()
        connection = self._kept() or await self._connected(request.extensions["timeout"]["connect"])
        try:
            await connection.exchange(message)
        except BaseException:
            request.extensions[UNSENT] = connection.is_sending
            connection.abort()
            raise
        body = _Body(connection, self._idle)
        return httpx.Response(connection.status, headers=connection.headers, stream=body)

    async def aclose(self) -> None:
        """End the connections that are kept."""
        while self._idle:
            self._idle.pop().abort()

    def _kept(self) -> Connection | None:
        """The connection that was used last, so that those which are not needed grow old."""
        oldest = asyncio.get_running_loop().time() - KEEPALIVE_SECONDS
        while self._idle and self._idle[0].idle_since < oldest:
            self._idle.popleft().abort()
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _connected(self, seconds: float) -> Connection:
        try:
            async with asyncio.timeout(seconds):
                return await self._opened(Connection, self._trusted.context)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection within {seconds:g} seconds") from error
        except ssl.SSLCertVerificationError as error:
            names = await self._names() if error.verify_code in WRONG_NAME else ()
            raise WrongCertificateError(str(error), names) from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error

    async def _opened(
        self, protocol: Callable[[], _Protocol], certificates: ssl.SSLContext
    ) -> _Protocol:
        connected = await aiohappyeyeballs.start_connection(
            await self._resolved(), happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS
        )
        _, made = await asyncio.get_running_loop().create_connection(
            protocol,
            sock=connected,
            ssl=certificates if self._secure else None,
            server_hostname=self._host if self._secure else None,
        )
        return made

    async def _names(self) -> tuple[str, ...]:
        """The names that the endpoint's certificate bears; none where it is not shown again."""
        with suppress(OSError):
            async with asyncio.timeout(NAMES_SECONDS):
                return (await self._opened(_Shown, self._trusted.of_any_name)).names
        return ()

    async def _resolved(self) -> list[Any]:
        """The endpoint's addresses: asked for once, when thousands of calls begin together."""
        loop = asyncio.get_running_loop()
        async with self._resolving:
            if loop.time() >= self._resolved_until:
                self._addresses = await loop.getaddrinfo(
                    self._host, self._port, type=socket.SOCK_STREAM
                )
                self._resolved_until = loop.time() + RESOLVED_SECONDS
        return self._addresses


class WrongCertificateError(httpx.ConnectError):
    """The endpoint's certificate is not one to trust for its host.

    Attributes:
        names: those that it bears, where the host's is not among them.
    """

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        super().__init__(message)
        self.names = names


class _Shown(asyncio.Protocol):
    """Looks at a certificate, and ends the connection."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Read the names, and end it."""
        shown = transport.get_extra_info("peercert") or {}
        names = (name for _, name in shown.get("subjectAltName", ())[:MOST_NAMES])
        self.names = tuple(name for name in names if name.isascii() and name.isprintable())
        transport.close()


class _Body(httpx.AsyncByteStream):
    """The body of an answer; gives the connection back when it is closed."""

    def __init__(self, connection: Connection, idle: deque[Connection]) -> None:
        self._connection = connection
        self._idle = idle

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self._connection.chunk():
            yield chunk

    async def aclose(self) -> None:
        if self._connection.reusable:
            self._connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(self._connection)
        else:
            self._connection.abort()


def _head(request: httpx.Request) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    return b"\r\n".join(lines) + b"\r\n\r\n"
