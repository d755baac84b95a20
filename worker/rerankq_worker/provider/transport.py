"""HTTP/1.1 directly on asyncio: as many connections to one endpoint as there are calls.

By measurement a call costs a third of what it costs over aiohttp, and half of what it costs over
the fastest library (docs/performance.md). It does only what a call to one endpoint needs: no
redirects, no cookies.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import aiohappyeyeballs
import httpx

from rerankq_worker.provider.connection import Connection, EarlyAnswerError
from rerankq_worker.provider.idle_connections import IdleConnections
from rerankq_worker.provider.proxies import Proxy
from rerankq_worker.provider.trust import Trust
from rerankq_worker.provider.tunnel import Tunnel

RESOLVED_SECONDS: Final = 10.0
HAPPY_EYEBALLS_SECONDS: Final = 0.25
"""How long one address has to answer before the next is tried in parallel; RFC 8305."""
WRONG_NAME: Final = {62, 64}
"""OpenSSL's numbers (X509_V_ERR_*) for a wrong host name and a wrong address."""
NAMES_SECONDS: Final = 5.0
MOST_NAMES: Final = 5
UNSENT: Final = "unsent"
"""The argument of a cancellation if the request was not completely sent."""

_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)


class EndpointTransport:
    """Carries requests to one endpoint, over as many connections as there are calls at a time.

    It sets no time limit for an exchange: the caller sets one around the whole call.

    Args:
        url: the endpoint; all requests go there, whatever their own heads say.
        trusted: which CAs to trust for TLS.
        connect_seconds: time limit of a new connection.
        proxy: the proxy to use, if any.
    """

    def __init__(
        self, url: httpx.URL, trusted: Trust, *, connect_seconds: float, proxy: Proxy | None = None
    ) -> None:
        self._secure = url.scheme == "https"
        self._host = url.raw_host.decode("ascii")
        self._port = url.port or (443 if self._secure else 80)
        self._trusted = trusted
        self._connect_seconds = connect_seconds
        self._proxy = proxy
        self._idle = IdleConnections(f"{self._host}:{self._port}")
        self._made = partial(Connection, self._idle.distrust)
        self._resolving = asyncio.Lock()
        self._resolved_until = 0.0
        self._addresses: list[Any] = []

    async def exchange(
        self, message: bytes, may_begin: Callable[[], bool] = lambda: True
    ) -> Connection:
        """Send a request, and wait for the head of its answer.

        Args:
            message: the request, head and body.
            may_begin: whether it may still be sent; called after a new connection was made.

        Returns:
            The connection, with the answer's status and headers; the caller reads the body from it
            and gives it back by `release`.

        Raises:
            httpx.ConnectError: no connection could be made; nothing was sent.
            httpx.ConnectTimeout: no connection was made within the time limit; nothing was sent.
            httpx.ProxyError: the proxy made no connection; nothing was sent.
            httpx.TransportError: the connection broke later, or the answer is no HTTP.
            TooLateError: `may_begin` said no; nothing was sent.
        """
        if kept := self._idle.take():
            # An early answer belongs to an earlier call. This request was not sent completely, so
            # nobody has ranked it, and it may be sent again.
            with suppress(EarlyAnswerError):
                return await _exchanged(kept, message)
        connection = await self._connected()
        if not may_begin():
            connection.abort()
            raise TooLateError
        return await _exchanged(connection, message)

    async def reach(self) -> None:
        """Make a connection and close it; nothing is sent.

        Raises:
            httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError: no connection can be made.
        """
        (await self._connected()).abort()

    def release(self, connection: Connection) -> None:
        """Give a connection back; the answer need not be read to its end."""
        self._idle.put(connection)

    def require_own(self, connection: Connection) -> None:
        """Make sure that an answer, read to its end, belongs to its own request.

        Raises:
            DoubtfulAnswerError: it came on a connection that had been used before, and meanwhile
                the endpoint sent an answer too many.
        """
        if self._idle.may_be_anothers(connection):
            raise DoubtfulAnswerError("the endpoint sent an answer to no request")

    def close(self) -> None:
        """Close the connections that no call uses."""
        self._idle.close()

    async def _connected(self) -> Connection:
        seconds = self._connect_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._opened(self._made, self._trusted.context)
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
        """A connection to the endpoint, or to the proxy that passes requests on to it.

        Raises:
            OSError: no connection could be made.
            httpx.ProxyError: the proxy made no connection.
        """
        if self._proxy is None:
            return await self._reached(protocol, certificates if self._secure else None, self._host)
        try:
            to_proxy = self._trusted.context if self._proxy.secure else None
            if not self._secure:
                return await self._reached(protocol, to_proxy, self._proxy.host)
            tunnel = await self._reached(Tunnel, to_proxy, self._proxy.host)
        except OSError as error:
            where = f"{self._proxy.host}:{self._proxy.port}"
            raise httpx.ProxyError(f"{where} cannot be reached ({error})") from error
        try:
            await tunnel.open(self._host, self._port, self._proxy)
            made = protocol()
            beyond = await asyncio.get_running_loop().start_tls(
                tunnel.transport, made, certificates, server_hostname=self._host
            )
            assert beyond  # noqa: S101  no loop of ours gives none
            made.connection_made(beyond)
        except BaseException:
            tunnel.transport.abort()
            raise
        return made

    async def _reached(
        self, protocol: Callable[[], _Protocol], certificates: ssl.SSLContext | None, host: str
    ) -> _Protocol:
        _, made = await asyncio.get_running_loop().create_connection(
            protocol,
            sock=await _socket_to(await self._resolved()),
            ssl=certificates,
            server_hostname=host if certificates else None,
        )
        return made

    async def _names(self) -> tuple[str, ...]:
        """The names in the endpoint's certificate; empty if it cannot be fetched again."""
        with suppress(OSError, httpx.ProxyError):
            async with asyncio.timeout(NAMES_SECONDS):
                return (await self._opened(_Shown, self._trusted.of_any_name)).names
        return ()

    async def _resolved(self) -> list[Any]:
        """Addresses of the next hop, resolved only once when thousands of calls begin together."""
        loop = asyncio.get_running_loop()
        host, port = (
            (self._proxy.host, self._proxy.port) if self._proxy else (self._host, self._port)
        )
        async with self._resolving:
            if loop.time() >= self._resolved_until:
                self._addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                self._resolved_until = loop.time() + RESOLVED_SECONDS
        return self._addresses


class TooLateError(Exception):
    """A request may not be sent any more."""


class DoubtfulAnswerError(httpx.RemoteProtocolError):
    """The answer may belong to another request."""


class WrongCertificateError(httpx.ConnectError):
    """The endpoint's certificate is not trusted for its host.

    Attributes:
        names: the names in the certificate, if the host's name is not among them.
    """

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        super().__init__(message)
        self.names = names


class _Shown(asyncio.Protocol):
    """Reads the names in a certificate, and closes the connection."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Read the names, and close the connection."""
        shown = transport.get_extra_info("peercert") or {}
        names = (name for _, name in shown.get("subjectAltName", ())[:MOST_NAMES])
        self.names = tuple(name for name in names if name.isascii() and name.isprintable())
        transport.close()


async def _socket_to(addresses: list[Any]) -> socket.socket:
    """A socket connected to the first of these addresses that answers."""
    if len(addresses) > 1:
        return await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS
        )
    # One address needs no race.
    ((family, kind, protocol, _, address),) = addresses
    connected = socket.socket(family, kind, protocol)
    try:
        connected.settimeout(0)
        await asyncio.get_running_loop().sock_connect(connected, address)
    except BaseException:
        connected.close()
        raise
    return connected


async def _exchanged(connection: Connection, message: bytes) -> Connection:
    try:
        await connection.exchange(message)
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and connection.is_sending:
            error.args = (UNSENT,)
        connection.abort()
        raise
    return connection
