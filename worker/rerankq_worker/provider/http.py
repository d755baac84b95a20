"""Calls the endpoint over HTTP: writes the request, reads the answer, and maps errors."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any, Final, Self

import httpx

from rerankq.contract import RerankRequest
from rerankq_worker.provider import answer_json, error_answers, error_body, waits
from rerankq_worker.provider.connection import SUCCESS, Connection
from rerankq_worker.provider.connection_errors import connection_fault
from rerankq_worker.provider.content_encoding import unpacked
from rerankq_worker.provider.proxies import Proxy, proxy_for
from rerankq_worker.provider.tolerant import Headers
from rerankq_worker.provider.transport import UNSENT, EndpointTransport, TooLateError
from rerankq_worker.provider.trust import trust
from rerankq_worker.upstream.dialects import Dialect
from rerankq_worker.upstream.errors import Cause, Malformed, NotBegun, Transient
from rerankq_worker.upstream.port import Answer, Call
from rerankq_worker.upstream.score_scale import NOT_DECLARED, Scales, on_one_scale

SPARE_ANSWER_BYTES: Final = 64 * 1024
ROW_BYTES: Final = 512
ANSWER_TO_REQUEST: Final = 4
"""An answer has a row for each document and at most repeats the documents; JSON escapes make it
longer by a bounded factor. Reading more than that would only waste memory."""
LARGE_BYTES: Final = 256 * 1024
CONNECT_SECONDS: Final = 10.0
REFUSAL_SECONDS: Final = 5.0
"""Time limit for the body of a refusal: its status has already told the most."""
SLOPPY_SECONDS: Final = 600.0
"""Time between two log lines about an upstream whose answers break the rules of HTTP."""
_ALL: Final = {"content-encoding", "transfer-encoding"}
"""Headers that count all, if they come several times."""
_BROKEN: Final = (httpx.HTTPError, OSError)

log = logging.getLogger(__name__)


class HttpProvider:
    """Calls one endpoint; each call brings its own key. Lives as long as its worker, on its loop.

    Args:
        url: the endpoint.
        dialect: the format of the endpoint's requests and answers.
        call_seconds: time limit of a call, from first byte out to last byte in.
        scales: what the endpoint's scores are, as far as it is declared.

    Raises:
        SettingsError: the environment names a proxy or a CA file that cannot be used.
    """

    def __init__(
        self, *, url: str, dialect: Dialect, call_seconds: float, scales: Scales = NOT_DECLARED
    ) -> None:
        self._url = httpx.URL(url)
        self._dialect = dialect
        self._scales = scales
        self._call_seconds = call_seconds
        proxy, trusted = proxy_for(url), trust()
        self._trusted = trusted.source
        self._head = _head(self._url, proxy)
        self._transport = EndpointTransport(
            self._url,
            trusted,
            # Less than the call's own limit: a failure to connect must not look like a lost answer.
            connect_seconds=min(CONNECT_SECONDS, call_seconds / 2),
            proxy=proxy,
        )
        self._sloppy_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def check(self, request: RerankRequest, model: str) -> None:
        """Ask the dialect. See `upstream.Provider`."""
        self._dialect.check(request, model)

    async def rerank(self, call: Call) -> Answer:
        """Post the request and read the answer. See `upstream.Provider`."""
        content = self._dialect.encode(call.request, call.model)
        rows = ROW_BYTES * len(call.request.documents)
        most_bytes = SPARE_ANSWER_BYTES + rows + ANSWER_TO_REQUEST * len(content)
        connection = None
        try:
            # One limit around the whole call: a body that comes byte by byte meets every read
            # timeout, and never ends.
            async with asyncio.timeout(self._call_seconds) as limit:
                connection = await self._transport.exchange(
                    self._message(call, content), call.may_begin
                )
                try:
                    reply = await _read(connection, most_bytes, limit)
                finally:
                    self._transport.release(connection)
            self._transport.require_own(connection)
        except TimeoutError as error:
            raise self._too_late(error, connection) from None
        except TooLateError:
            raise NotBegun from None
        except _BROKEN as error:
            raise connection_fault(error, url=self._url, trusted=self._trusted) from error
        if connection.sloppy:
            self._say_sloppy(connection.sloppy)
        if max(len(content), len(reply.body)) < LARGE_BYTES:
            return self._answer(reply, call, most_bytes)
        # Megabytes take a while to parse and compare: a thread does it, so that other calls go on.
        return await asyncio.to_thread(self._answer, reply, call, most_bytes)

    async def reach(self) -> None:
        """Make a connection and end it. See `upstream.Provider`."""
        try:
            await self._transport.reach()
        except _BROKEN as error:
            raise connection_fault(error, url=self._url, trusted=self._trusted) from error

    def _too_late(self, error: TimeoutError, connection: Connection | None) -> Transient:
        """The error of a call that timed out; it tells how far the call had come."""
        cancelled = error.__cause__
        if connection:
            cause, done = Cause.BODY_TIMEOUT, "the answer began but did not end"
        elif cancelled and UNSENT in cancelled.args:
            cause, done = Cause.SEND_TIMEOUT, "the upstream did not take the whole request"
        else:
            cause, done = Cause.ANSWER_TIMEOUT, "the request was sent"
        return Transient(f"no answer within {self._call_seconds:g} seconds: {done}", cause=cause)

    def _message(self, call: Call, content: bytes) -> bytes:
        """The request, head and body; it names job and attempt, to find them in a server's log."""
        return (
            b"%bContent-Length: %d\r\nAuthorization: %b\r\n"
            b"X-Rerankq-Job-Id: %b\r\nX-Rerankq-Attempt: %d\r\n\r\n%b"
        ) % (
            self._head,
            len(content),
            call.authorization.encode("ascii"),
            call.job_id.encode("ascii"),
            call.attempt,
            content,
        )

    def _say_sloppy(self, what: str) -> None:
        """Log once in a while that answers break the rules of HTTP; usually all of them do."""
        now = time.monotonic()
        if now >= self._sloppy_until:
            self._sloppy_until = now + SLOPPY_SECONDS
            log.warning(
                "answers of %s break the rules of HTTP (%s): they are read, but each costs a new "
                "connection; tell the operator of that server or gateway",
                *(self._url.host, what),
            )

    def _answer(self, reply: error_answers.Reply, call: Call, most_bytes: int) -> Answer:
        key, unreadable, decoded = call.authorization.rpartition(" ")[2], "", None
        try:
            body = unpacked(reply.body, reply.headers, most_bytes)
            reply = reply if body is reply.body else reply._replace(body=body)
        except ValueError as error:
            reply, unreadable = reply._replace(body=b""), f": {error}"
        if reply.status not in SUCCESS:
            raise error_answers.fault(reply, call.request, key=key)
        try:
            decoded = _decoded(reply, unreadable)
            request_id = error_answers.request_id_of(reply.headers, key)
            answer = self._dialect.decode(decoded, call.request, request_id)
        except Malformed as error:
            raise error_answers.malformed(error, reply, decoded, call.request, key=key) from None
        answer = on_one_scale(answer, self._scales.of(call.model))
        pause = waits.pause(reply.headers)
        return answer if pause is None else answer._replace(pause_seconds=pause)


def _decoded(reply: error_answers.Reply, unreadable: str) -> Any:
    if not reply.body:
        raise Malformed(f"the upstream answered {reply.status} with no ranking{unreadable}")
    try:
        return answer_json.loads(reply.body, reply.headers)
    except ValueError:
        raise Malformed("the upstream answered with broken JSON") from None


def _head(url: httpx.URL, proxy: Proxy | None) -> bytes:
    """The part of a request's head that is the same for all calls."""
    passed_on = proxy is not None and url.scheme == "http"
    lines = [
        # A proxy needs the whole address, unless it has opened a tunnel.
        b"POST %b%b HTTP/1.1" % (b"http://" + url.netloc if passed_on else b"", url.raw_path),
        b"Host: " + url.netloc,
        b"User-Agent: rerankq",
        b"Accept: application/json",
        # A compressed answer could be far longer than the bytes that were counted.
        b"Accept-Encoding: identity",
        b"Content-Type: application/json",
    ]
    if passed_on and proxy and proxy.authorization:
        lines.append(b"Proxy-Authorization: " + proxy.authorization)
    return b"\r\n".join(lines) + b"\r\n"


async def _read(
    connection: Connection, most_bytes: int, limit: asyncio.Timeout
) -> error_answers.Reply:
    """The whole answer; of a refusal, the part of the body that comes soon."""
    status, headers = connection.status, _joined(connection.headers)
    if status not in SUCCESS:
        begun = bytearray()
        await _read_refusal(connection, begun, limit)
        return error_answers.Reply(status, bytes(begun), headers)
    # Joined once, as answers are large; one that comes as a whole is not copied.
    chunks, size = [], 0
    while chunk := await connection.chunk():
        chunks.append(chunk)
        size += len(chunk)
        if size > most_bytes:
            raise Malformed(f"the upstream's answer is over {most_bytes:,} bytes")
    return error_answers.Reply(status, b"".join(chunks), headers)


def _joined(sent: Headers) -> dict[str, str]:
    """Headers by their names in lower case; of those that came several times, the last."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in sent:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        # Each encoding was applied to the body, in this order.
        headers[name] = f"{headers[name]},{value}" if name in _ALL and name in headers else value
    return headers


async def _read_refusal(connection: Connection, body: bytearray, limit: asyncio.Timeout) -> None:
    """Read the part of a refusal's body that comes soon, up to a limit.

    Errors are ignored, as status and headers have come: a 429 whose body breaks off is a 429.
    """
    soon = asyncio.get_running_loop().time() + REFUSAL_SECONDS
    ends = min(soon, limit.when() or soon)
    # This function keeps the call's time limit from here on: a time-out of the call itself would
    # lose the answer.
    limit.reschedule(None)
    with suppress(TimeoutError, *_BROKEN):
        async with asyncio.timeout_at(ends):
            while chunk := await connection.chunk():
                body += chunk
                if len(body) >= error_body.MOST_BODY:
                    return
