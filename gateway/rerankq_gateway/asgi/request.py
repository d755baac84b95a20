"""One request, with what the gateway knows about it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any, Final

from rerankq.errors import LedgerUnavailable
from rerankq_gateway.access.principal import OPERATOR, Principal, Scope
from rerankq_gateway.asgi import request_id
from rerankq_gateway.errors import GatewayError, Problem
from rerankq_gateway.errors.problem import JSON, content_type

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HeaderList = Iterable[tuple[bytes, bytes]]

HEAD: Final = "HEAD"
IDLE_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 5.0
"""So often a caller whose request goes on must be one that would be let in."""
_LINGER_BYTES: Final = 64 * 1024 * 1024
"""So much of a refused body is read and dropped, so that its sender sees the answer."""


class Disconnected(Exception):
    """The caller has gone: nobody reads an answer."""


class HotRequest:
    """A request, and the way to answer it.

    Attributes:
        scope: ASGI's.
        method: such as `POST`.
        path: without the query.
        headers: by name in lower case; a header that came several times is joined by commas.
        request_id: the caller's, or ours.
        principal: whom it acts for; known once it was let in.
        added: headers that every answer to it gets.
        admit_again: refuses the caller if its token was revoked meanwhile; None if it needs none.
        rates: gives those that say what is left of the caller's quotas when the answer is sent.
        other_methods: those that its path knows without FastAPI.
        idle_seconds: so long its caller may send nothing of a body.
        started: whether an answer has begun.
        unread: whether a part of the body was not read yet.
        status: of the answer; None while there is none.
        bytes_sent: how much of the answer's body was sent.
        route: the template of its path, once it is known.
        job_id: the job that it has made or asked for, once that is known to be the caller's.
        reason: the code of the error that is its answer.
        shows_problem: answers with an error in another form than JSON; None for JSON.
        traceparent: its own span in W3C's form, if it has one.

    The answer to a HEAD request has the headers of the answer to a GET request, and no body: RFC
    9110, section 9.3.2. What would send more of a body is told that the caller has gone.
    """

    __slots__ = (
        "_admitted_at",
        "_has_head",
        "_receive",
        "_send",
        "added",
        "admit_again",
        "bytes_sent",
        "headers",
        "idle_seconds",
        "job_id",
        "method",
        "other_methods",
        "path",
        "principal",
        "rates",
        "reason",
        "request_id",
        "route",
        "scope",
        "shows_problem",
        "started",
        "status",
        "traceparent",
        "unread",
    )

    def __init__(
        self,
        scope: AsgiScope,
        receive: Receive,
        send: Send,
        *,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = headers_of(scope)
        self.request_id = request_id.request_id(self.headers)
        self.principal: Principal = OPERATOR
        self.added: list[tuple[bytes, bytes]] = [(request_id.HEADER, self.request_id.encode())]
        self.admit_again: Callable[[], Awaitable[Principal]] | None = None
        self.rates: Callable[[Principal], Awaitable[HeaderList]] | None = None
        self.other_methods: tuple[str, ...] = ()
        self.idle_seconds = idle_seconds
        self.started = False
        self.unread = b"content-length" in self.headers or b"transfer-encoding" in self.headers
        self.status: int | None = None
        self.bytes_sent = 0
        self.route = ""
        self.job_id: str | None = None
        self.reason: str | None = None
        self.traceparent: str | None = None
        self._has_head = False
        self.shows_problem: Callable[[Problem], Awaitable[None]] | None = None
        self._admitted_at = time.monotonic()
        self._receive = receive
        self._send = send

    def demand(self, *scopes: Scope) -> None:
        """Refuse a caller whose token has none of these scopes.

        Raises:
            GatewayError: 403.
        """
        if self.principal.scopes.isdisjoint(scopes):
            lack = " or ".join(scopes)
            raise GatewayError(
                403, "missing_scope", f"this token lacks the scope {lack}: use one that has it"
            )

    async def check_admission(self) -> None:
        """Refuse a caller whose token was revoked meanwhile; it is looked up every few seconds.

        Raises:
            GatewayError: 401.
        """
        now = time.monotonic()
        if self.admit_again is None or now - self._admitted_at < AGAIN_SECONDS:
            return
        self._admitted_at = now
        with suppress(LedgerUnavailable):
            await self.admit_again()

    async def receive(self) -> Message:
        """The next message of ASGI: a part of the body, or that the caller has gone."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            self.unread = False
        return message

    async def send(self, message: Message) -> None:
        """Send a message of ASGI; the answer gets the headers that each has.

        Raises:
            Disconnected: the answer to a HEAD request is whole already.
        """
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            rates = await self.rates(self.principal) if self.rates else ()
            message["headers"] = [*message.get("headers", ()), *self.added, *rates]
        elif self.method == HEAD:
            if self._has_head:
                raise Disconnected
            self._has_head = True
            message = {"type": "http.response.body", "body": b""}
        else:
            self.bytes_sent += len(message.get("body", b""))
        await self._send(message)

    async def answer(self, status: int, content: bytes, headers: HeaderList = ()) -> None:
        """Send a whole answer; JSON, unless the headers name another content type."""
        sent = [(b"content-length", str(len(content)).encode()), *headers]
        if not any(name == b"content-type" for name, _ in sent):
            sent.append((b"content-type", JSON))
        is_early = self.unread and self.method != HEAD
        if is_early:
            sent.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": status, "headers": sent})
        await self.send({"type": "http.response.body", "body": content, "more_body": is_early})
        if is_early:
            await self._linger()
            await self.send({"type": "http.response.body", "body": b""})

    async def refuse(self, problem: Problem) -> None:
        """Answer with an error."""
        self.reason = problem.code
        if self.shows_problem:
            await self.shows_problem(problem)
            return
        kind = content_type(self.headers.get(b"accept", b""))
        headers = [(b"content-type", kind), *problem.own_headers()]
        await self.answer(problem.status, problem.body(self.request_id), headers)

    async def _linger(self) -> None:
        """Read on after an early answer, or closing the connection would destroy the answer."""
        dropped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(self.idle_seconds):
                while self.unread and dropped < _LINGER_BYTES:
                    dropped += len((await self.receive()).get("body", b""))


HotHandler = Callable[[HotRequest], Awaitable[None]]
"""Serves one method and path, without FastAPI. Raises rerankq's errors; they become answers."""


def headers_of(scope: AsgiScope) -> dict[bytes, bytes]:
    """The headers by name."""
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers
