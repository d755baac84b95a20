"""A tunnel through an HTTP proxy to a TLS endpoint, by CONNECT; RFC 9110, 9.3.6."""

import asyncio
import re
from typing import Final

import httpx

from rerankq_worker.provider.proxies import Proxy

MOST_HEAD_BYTES: Final = 64 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.\d +(\d{3})")
_OPEN: Final = range(200, 300)


class Tunnel(asyncio.Protocol):
    """A connection to a proxy, by which it is asked to connect to the endpoint."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._head = b""
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, host: str, port: int, proxy: Proxy) -> None:
        """Ask for a connection to an endpoint.

        Raises:
            httpx.ProxyError: the proxy refuses, or the other side is no proxy.
        """
        where = b"%b:%d" % (f"[{host}]".encode() if ":" in host else host.encode(), port)
        login = proxy.authorization
        extra = b"Proxy-Authorization: %b\r\n" % login if login else b""
        self.transport.write(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (where, where, extra))
        await self._over
        found = _STATUS.match(self._head)
        if not found or int(found[1]) not in _OPEN:
            self.transport.abort()
            raise httpx.ProxyError(refusal(int(found[1]) if found else None))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]  # a stream's always is one

    def data_received(self, data: bytes) -> None:
        """Read the answer's head. Nothing follows it before TLS begins."""
        self._head += data
        if b"\r\n\r\n" in self._head or len(self._head) > MOST_HEAD_BYTES:
            # All further bytes belong to TLS.
            self.transport.pause_reading()
            self._end()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  asyncio's own
        """End the wait: there will be no answer."""
        self._end()

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)


def refusal(status: int | None) -> str:
    """What a message says about a proxy that opens no tunnel."""
    if status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        return (
            "it wants a user and a password (407): write them into its URL, http://user:pass@host"
        )
    return f"it answered {status}" if status else "it did not answer as a proxy does"
