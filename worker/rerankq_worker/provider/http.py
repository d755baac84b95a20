"""The endpoint over HTTP: httpx is the interface, aiohttp carries it.

httpx's own connection pool costs CPU quadratic in its connections; the same client over
aiohttp's does not (measured at 200 in flight: 13-17 ms a request against 0.33 ms).
"""

import asyncio
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from rerankq_worker.provider import faults
from rerankq_worker.provider.dialect import Dialect
from rerankq_worker.upstream import Answer, Call, Malformed, Refused, Transient

SPARE_ANSWER_BYTES: Final = 1024 * 1024
ANSWER_TO_REQUEST: Final = 4
"""An answer repeats the documents at most; JSON escapes can make that longer, not endless."""
LARGE_BYTES: Final = 256 * 1024
CONNECT_SECONDS: Final = 10.0
KEEPALIVE_SECONDS: Final = 30.0
_REQUEST_ID_HEADERS: Final = ("x-oneapi-request-id", "x-rixapi-request-id", "x-request-id")


class HttpProvider:
    """Calls one endpoint with one key. Lives as long as its worker, on the worker's loop.

    Args:
        url: the endpoint.
        authorization: value of the Authorization header, prefix and key.
        dialect: how the endpoint wants to be asked.
        call_seconds: time limit of a call, from first byte out to last byte in.
    """

    def __init__(
        self, *, url: str, authorization: str, dialect: Dialect, call_seconds: float
    ) -> None:
        self._url = url
        self._headers = {
            "Authorization": authorization,
            "Content-Type": "application/json",
            # A compressed answer could be far longer than the bytes that are counted.
            "Accept-Encoding": "identity",
        }
        self._dialect = dialect
        self._call_seconds = call_seconds
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(client=_session, proxy=_proxy(url)),
            timeout=httpx.Timeout(call_seconds, connect=CONNECT_SECONDS),
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    async def rerank(self, call: Call) -> Answer:
        """Post the request and read the answer. See `upstream.Provider`."""
        content = self._dialect.encode(call.request)
        most_bytes = SPARE_ANSWER_BYTES + ANSWER_TO_REQUEST * len(content)
        request = self._client.build_request(
            "POST",
            self._url,
            content=content,
            headers=self._headers
            # So that a log on the other side can be laid beside the ledger.
            | {"X-Rerankq-Job-Id": call.job_id, "X-Rerankq-Attempt": str(call.attempt)},
        )
        try:
            # Around all of it: a body that drips holds every read timeout and never ends.
            async with asyncio.timeout(self._call_seconds):
                response = await self._client.send(request, stream=True)
                try:
                    body = await _read(response, most_bytes)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise Transient(f"no answer within {self._call_seconds:g} seconds") from None
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise _connection_fault(error) from error
        if len(content) < LARGE_BYTES:
            return self._answer(response, body, call)
        # Megabytes take a while to read and compare: other calls must not wait for that.
        return await asyncio.to_thread(self._answer, response, body, call)

    def _answer(self, response: httpx.Response, body: bytes, call: Call) -> Answer:
        request_id = next(
            (response.headers[name] for name in _REQUEST_ID_HEADERS if name in response.headers),
            None,
        )
        if response.status_code != httpx.codes.OK:
            answer = faults.ErrorAnswer(
                response.status_code,
                body,
                response.headers.get("retry-after"),
                response.headers.get("date"),
                request_id,
            )
            raise faults.fault(answer, call.request, key=self._headers["Authorization"])
        try:
            decoded = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Malformed("the upstream answered with broken JSON") from None
        if faults.error_in_answer(decoded):
            raise Malformed("the upstream answered with an error under status 200")
        return self._dialect.decode(decoded, call.request, request_id)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            # The worker bounds its calls itself; a second bound would only queue them unseen.
            limit=0,
            keepalive_timeout=KEEPALIVE_SECONDS,
            ssl=httpx.create_ssl_context(),
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
    chunks, size = [], 0
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Malformed("the upstream answered compressed, which was not asked for")
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > most_bytes:
            raise Malformed(f"the upstream's answer is over {most_bytes:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _connection_fault(error: Exception) -> Transient | Refused:
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Refused("RERANKQ_UPSTREAM_URL is no address that can be called")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Transient("the upstream cannot be reached")
    return Transient(f"the connection to the upstream broke ({type(error).__name__})")
