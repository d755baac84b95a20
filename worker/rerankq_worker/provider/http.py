"""The endpoint over HTTP: httpx is the interface, aiohttp carries it.

httpx's own connection pool costs CPU quadratic in its connections; the same client over
aiohttp's does not (measured at 200 in flight: 13-17 ms a request against 0.33 ms).
"""

import asyncio
import ssl
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from rerankq_worker.provider import faults, waits
from rerankq_worker.provider.dialect import Dialect
from rerankq_worker.upstream import Answer, Call, Malformed, Refused, Transient, Unreachable

SPARE_ANSWER_BYTES: Final = 1024 * 1024
ANSWER_TO_REQUEST: Final = 4
"""An answer repeats the documents at most; JSON escapes can make that longer, not endless."""
LARGE_BYTES: Final = 256 * 1024
CONNECT_SECONDS: Final = 10.0
KEEPALIVE_SECONDS: Final = 30.0
_NOT_CONNECTED: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)


class HttpProvider:
    """Calls one endpoint, whoever's key a call shows. Lives as long as its worker, on its loop.

    Args:
        url: the endpoint.
        dialect: how the endpoint wants to be asked.
        call_seconds: time limit of a call, from first byte out to last byte in.
    """

    def __init__(self, *, url: str, dialect: Dialect, call_seconds: float) -> None:
        self._url = httpx.URL(url)
        self._dialect = dialect
        self._call_seconds = call_seconds
        # Less than the call's own limit: what never connected must not look like a lost answer.
        connect_seconds = min(CONNECT_SECONDS, call_seconds / 2)
        self._timeouts = {"connect": connect_seconds, "read": call_seconds}
        # The transport without a client around it, which costs more than the rest of a call.
        certificates = httpx.create_ssl_context()
        self._transport = AiohttpTransport(
            verify=certificates, client=partial(_session, certificates), proxy=_proxy(url)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._transport.aclose()

    async def rerank(self, call: Call) -> Answer:
        """Post the request and read the answer. See `upstream.Provider`."""
        content = self._dialect.encode(call.request, call.model)
        most_bytes = SPARE_ANSWER_BYTES + ANSWER_TO_REQUEST * len(content)
        try:
            # Around all of it: a body that drips holds every read timeout and never ends.
            async with asyncio.timeout(self._call_seconds):
                response = await self._transport.handle_async_request(self._request(call, content))
                try:
                    body = await _read(response, most_bytes)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise Transient(f"no answer within {self._call_seconds:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
            raise _connection_fault(error) from error
        if max(len(content), len(body)) < LARGE_BYTES:
            return self._answer(response, body, call)
        # Megabytes take a while to read and compare: other calls must not wait for that.
        return await asyncio.to_thread(self._answer, response, body, call)

    def _request(self, call: Call, content: bytes) -> httpx.Request:
        return httpx.Request(
            "POST",
            self._url,
            content=content,
            headers={
                "Authorization": call.authorization,
                "Content-Type": "application/json",
                # A compressed answer could be far longer than the bytes that are counted.
                "Accept-Encoding": "identity",
                # So that a log on the other side can be laid beside the ledger.
                "X-Rerankq-Job-Id": call.job_id,
                "X-Rerankq-Attempt": str(call.attempt),
            },
            extensions={"timeout": self._timeouts},
        )

    def _answer(self, response: httpx.Response, body: bytes, call: Call) -> Answer:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers.raw
        }
        reply = faults.Reply(response.status_code, body, headers)
        key = call.authorization.rpartition(" ")[2]
        if reply.status != httpx.codes.OK:
            raise faults.fault(reply, call.request, key=key)
        try:
            decoded = orjson.loads(body)
        except orjson.JSONDecodeError:
            reason = "the upstream answered with broken JSON"
            raise faults.malformed(reason, reply, None, call.request, key=key) from None
        try:
            request_id = faults.request_id_of(headers, key)
            answer = self._dialect.decode(decoded, call.request, request_id)
        except Malformed as error:
            raise faults.malformed(str(error), reply, decoded, call.request, key=key) from None
        pause = waits.pause(headers)
        return answer if pause is None else replace(answer, pause_seconds=pause)


def _session(certificates: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            # The worker bounds its calls itself; a second bound would only queue them unseen.
            limit=0,
            keepalive_timeout=KEEPALIVE_SECONDS,
            ssl=certificates,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def _proxy(url: str) -> httpx.Proxy | None:
    """The proxy that the environment names for `url`: asked once, not at each call."""
    host, scheme = urlsplit(url).netloc, urlsplit(url).scheme
    proxies = getproxies()
    named = proxies.get(scheme) or proxies.get("all")
    return httpx.Proxy(named) if named and not proxy_bypass(host) else None


async def _read(response: httpx.Response, most_bytes: int) -> bytes:
    """The body; of a refusal no more than can be read, for its status speaks as well."""
    refusal = response.status_code != httpx.codes.OK
    if response.headers.get("content-encoding", "identity") != "identity":
        if refusal:
            return b""
        raise Malformed("the upstream answered compressed, which was not asked for")
    chunks, size = [], 0
    async for chunk in response.aiter_raw():
        chunks.append(chunk)
        size += len(chunk)
        if size > most_bytes:
            if refusal:
                break
            raise Malformed(f"the upstream's answer is over {most_bytes:,} bytes")
    return b"".join(chunks)


def _connection_fault(error: Exception) -> Transient | Refused:
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Refused("RERANKQ_UPSTREAM_URL is no address that can be called")
    # What aiohttp said: its adapter calls a connection that was lost later a time-out as well.
    origin = error.__cause__ or error
    if isinstance(origin, _NOT_CONNECTED):
        return Unreachable("the upstream cannot be reached")
    return Transient(f"the connection to the upstream broke ({type(origin).__name__})")
