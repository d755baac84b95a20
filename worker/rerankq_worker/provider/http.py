"""The endpoint over HTTP: httpx is the interface, a transport of our own carries it.

httpx's own connection pool costs CPU quadratic in its connections (measured at 200 in flight:
13-17 ms a call). Through a proxy, aiohttp carries it, which knows how to ask one.
"""

import asyncio
import ssl
from contextlib import suppress
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

from rerankq.contract import RerankRequest
from rerankq_worker.provider import error_body, faults, waits
from rerankq_worker.provider.connection_faults import connection_fault
from rerankq_worker.provider.dialect import Dialect
from rerankq_worker.provider.transport import KEEPALIVE_SECONDS, UNSENT, EndpointTransport
from rerankq_worker.provider.trust import Trust, trust
from rerankq_worker.upstream import Answer, Call, Cause, Malformed, Transient

SPARE_ANSWER_BYTES: Final = 64 * 1024
ROW_BYTES: Final = 512
ANSWER_TO_REQUEST: Final = 4
"""An answer has a row for each document, and repeats them at most; JSON escapes can make that
longer, not endless. What is read beyond it takes memory for nothing."""
LARGE_BYTES: Final = 256 * 1024
CONNECT_SECONDS: Final = 10.0
REFUSAL_SECONDS: Final = 5.0
"""For the body of an answer whose status has said the most."""
_BROKEN: Final = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError)


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
        self._extensions = {"timeout": {"connect": connect_seconds, "read": call_seconds}}
        self._headers = [
            (b"Host", self._url.netloc),
            (b"Content-Type", b"application/json"),
            # A compressed answer could be far longer than the bytes that are counted.
            (b"Accept-Encoding", b"identity"),
        ]
        # The transport without a client around it, which costs more than the rest of a call.
        trusted = trust()
        self._trusted = trusted.source
        self._transport = _transport(self._url, trusted)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._transport.aclose()

    def check(self, request: RerankRequest, model: str) -> None:
        """Ask the dialect. See `upstream.Provider`."""
        self._dialect.check(request, model)

    async def rerank(self, call: Call) -> Answer:
        """Post the request and read the answer. See `upstream.Provider`."""
        content = self._dialect.encode(call.request, call.model)
        rows = ROW_BYTES * len(call.request.documents)
        most_bytes = SPARE_ANSWER_BYTES + rows + ANSWER_TO_REQUEST * len(content)
        request, response = self._request(call, content), None
        try:
            # Around all of it: a body that drips holds every read timeout and never ends.
            async with asyncio.timeout(self._call_seconds) as limit:
                response = await self._transport.handle_async_request(request)
                # Its own stream: the response would wrap it in four more.
                stream = response.stream
                assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101  asyncio's alone
                try:
                    reply = await _read(response, stream, most_bytes, limit)
                finally:
                    await stream.aclose()
        except TimeoutError:
            raise self._too_late(request, response) from None
        except _BROKEN as error:
            raise connection_fault(error, url=self._url, trusted=self._trusted) from error
        if max(len(content), len(reply.body)) < LARGE_BYTES:
            return self._answer(reply, call)
        # Megabytes take a while to read and compare: other calls must not wait for that.
        return await asyncio.to_thread(self._answer, reply, call)

    def _too_late(self, request: httpx.Request, response: httpx.Response | None) -> Transient:
        """The error that stands for a call that was not over in its time: how far it had come."""
        if response is not None:
            cause, done = Cause.BODY_TIMEOUT, "the answer began, and did not come whole"
        elif request.extensions.get(UNSENT):
            cause, done = Cause.SEND_TIMEOUT, "not even the request was taken whole"
        else:
            cause, done = Cause.ANSWER_TIMEOUT, "the request was sent"
        return Transient(f"no answer within {self._call_seconds:g} seconds: {done}", cause=cause)

    def _request(self, call: Call, content: bytes) -> httpx.Request:
        return httpx.Request(
            "POST",
            self._url,
            headers=[
                *self._headers,
                (b"Content-Length", b"%d" % len(content)),
                (b"Authorization", call.authorization.encode("ascii")),
                # So that a log on the other side can be laid beside the ledger.
                (b"X-Rerankq-Job-Id", call.job_id.encode("ascii")),
                (b"X-Rerankq-Attempt", b"%d" % call.attempt),
            ],
            # Not as `content`, which would look through the headers for what is missing.
            stream=httpx.ByteStream(content),
            extensions=self._extensions,
        )

    def _answer(self, reply: faults.Reply, call: Call) -> Answer:
        key = call.authorization.rpartition(" ")[2]
        if reply.status != httpx.codes.OK:
            raise faults.fault(reply, call.request, key=key)
        try:
            decoded = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            reason = "the upstream answered with broken JSON"
            raise faults.malformed(reason, reply, None, call.request, key=key) from None
        try:
            request_id = faults.request_id_of(reply.headers, key)
            answer = self._dialect.decode(decoded, call.request, request_id)
        except Malformed as error:
            raise faults.malformed(str(error), reply, decoded, call.request, key=key) from None
        pause = waits.pause(reply.headers)
        return answer if pause is None else replace(answer, pause_seconds=pause)


def _transport(url: httpx.URL, trusted: Trust) -> httpx.AsyncBaseTransport:
    proxy = _proxy(str(url))
    if proxy is None:
        return EndpointTransport(url, trusted)
    return AiohttpTransport(
        verify=trusted.context, client=partial(_session, trusted.context), proxy=proxy
    )


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


async def _read(
    response: httpx.Response,
    stream: httpx.AsyncByteStream,
    most_bytes: int,
    limit: asyncio.Timeout,
) -> faults.Reply:
    """The whole answer, or what comes of a refusal."""
    status = response.status_code
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in response.headers.raw
    }
    compressed = headers.get("content-encoding", "identity") != "identity"
    body = bytearray()
    if status != httpx.codes.OK:
        if not compressed:
            await _read_refusal(stream, body, limit)
        return faults.Reply(status, bytes(body), headers)
    if compressed:
        raise Malformed("the upstream answered compressed, which was not asked for")
    async for chunk in stream:
        body += chunk
        if len(body) > most_bytes:
            raise Malformed(f"the upstream's answer is over {most_bytes:,} bytes")
    return faults.Reply(status, bytes(body), headers)


async def _read_refusal(
    stream: httpx.AsyncByteStream, body: bytearray, limit: asyncio.Timeout
) -> None:
    """Read as much of a refusal as comes soon and can be made sense of.

    Whatever goes wrong, its status and its headers have come: a 429 whose body breaks off is a 429.
    """
    soon = asyncio.get_running_loop().time() + REFUSAL_SECONDS
    ends = min(soon, limit.when() or soon)
    # The limit of the call is held here from now on: past it there would be no answer at all.
    limit.reschedule(None)
    with suppress(TimeoutError, *_BROKEN):
        async with asyncio.timeout_at(ends):
            async for chunk in stream:
                body += chunk
                if len(body) >= error_body.MOST_BODY:
                    return
