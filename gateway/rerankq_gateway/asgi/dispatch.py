"""The way of each request: its id, its caller, a hot route or FastAPI, and one error boundary."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

from rerankq.error_origin import origin
from rerankq.errors import RerankqError
from rerankq.events import Events, RequestFinished
from rerankq.monitoring.logs.fields import FIELDS, trace_fields
from rerankq_gateway.access.principal import Principal
from rerankq_gateway.asgi.job_headers import traceparent_of
from rerankq_gateway.asgi.request import (
    HEAD,
    IDLE_SECONDS,
    AsgiScope,
    Disconnected,
    HotHandler,
    HotRequest,
    Receive,
    Send,
)
from rerankq_gateway.errors import Problem, problem_of

log = logging.getLogger(__name__)

AsgiApp = Callable[[AsgiScope, Receive, Send], Awaitable[None]]
Traced = Callable[[str, str | None], AbstractContextManager[str]]
KNOWN_AS: Final = "rerankq"
"""Name in ASGI's scope under which FastAPI's routes find the `HotRequest`."""


class Gate(Protocol):
    """Lets requests in."""

    async def admit(self, headers: Mapping[bytes, bytes]) -> Principal:
        """Whom the request acts for.

        Raises:
            GatewayError: it is not let in.
        """


class Rates(Protocol):
    """Says what is left of a caller's quotas."""

    async def of(self, principal: Principal) -> list[tuple[bytes, bytes]]:
        """The headers of an answer that is sent now."""


class Dispatch:
    """The ASGI application.

    Args:
        hot: routes that are served without FastAPI, by method and path.
        cold: FastAPI, for all others.
        gate: asked about each request.
        rates: asked for headers of each answer to a tenant.
        root_path: under which a proxy publishes the gateway.
        open_paths: served without asking the gate.
        mounted: handlers of all paths under a prefix; each lets its callers in by itself.
        idle_seconds: so long a caller may send nothing of a body.
        events: told of each request that is over.
        traced: begins the span of a request, by its method and its caller's span; None for none.
    """

    def __init__(
        self,
        *,
        hot: Mapping[tuple[str, str], HotHandler],
        cold: AsgiApp,
        gate: Gate,
        rates: Rates,
        root_path: str,
        open_paths: frozenset[str],
        mounted: Mapping[str, HotHandler] = MappingProxyType({}),
        events: Events,
        traced: Traced | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._methods: dict[str, dict[str, HotHandler]] = {}
        for (method, path), handler in hot.items():
            self._methods.setdefault(path, {})[method] = handler
        self._cold = cold
        self._gate = gate
        self._rates = rates
        self._root_path = root_path
        self._open_paths = open_paths
        self._mounted = mounted
        self._idle_seconds = idle_seconds
        self._events = events
        self._traced = traced

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve a request; ASGI calls this."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["path"].startswith("//"):
            # Of a base address that ends with a slash.
            scope["path"] = f"/{scope['path'].lstrip('/')}"
        if self._root_path and scope["path"].startswith(f"{self._root_path}/"):
            # A proxy that hands the path on as it came.
            scope["path"] = scope["path"].removeprefix(self._root_path)
        request = HotRequest(scope, receive, send, idle_seconds=self._idle_seconds)
        began = time.perf_counter()
        try:
            if self._traced is None:
                await self._answered(request)
            else:
                with self._traced(request.method, traceparent_of(request)) as request.traceparent:
                    await self._answered(request)
        finally:
            if RequestFinished in self._events.wanted:
                self._events.tell(_finished(request, time.perf_counter() - began))

    async def _answered(self, request: HotRequest) -> None:
        try:
            await self._serve(request)
        except Disconnected:
            return
        except RerankqError as error:
            await _refuse(request, problem_of(error), error)
        except Exception as error:  # noqa: BLE001  the error boundary
            await _refuse(request, problem_of(RerankqError()), error)

    async def _serve(self, request: HotRequest) -> None:
        for prefix, mounted in self._mounted.items():
            if request.path == prefix or request.path.startswith(f"{prefix}/"):
                request.route = prefix
                await mounted(request)
                return
        if request.path not in self._open_paths:
            request.admit_again = partial(self._gate.admit, request.headers)
            request.principal = await request.admit_again()
            if request.principal.tenant is not None:
                request.rates = self._rates.of
        methods = self._methods.get(request.path, {})
        method = "GET" if request.method == HEAD else request.method
        handler = methods.get(method)
        if handler is not None:
            request.route = request.path
            await handler(request)
            return
        request.other_methods = tuple(methods)
        # The server goes by its own scope, in which a HEAD request stays one.
        scope = {**request.scope, "method": method, KNOWN_AS: request}
        try:
            await self._cold(scope, request.receive, request.send)
        finally:
            request.route = getattr(scope.get("route"), "path", "")


def _finished(request: HotRequest, seconds: float) -> RequestFinished:
    return RequestFinished(
        method=request.method,
        route=request.route,
        status=request.status,
        seconds=seconds,
        bytes_sent=request.bytes_sent,
        request_id=request.request_id,
        tenant=request.principal.tenant,
        job_id=request.job_id,
        reason=request.reason,
        traceparent=traceparent_of(request),
    )


async def _refuse(request: HotRequest, problem: Problem, error: Exception) -> None:
    if problem.code == "internal_error":
        # Neither its message nor a traceback: both may quote a document.
        log.error("request %s: %s", request.request_id, origin(error), extra=_about(request))
    if not request.started:
        await request.refuse(problem)
        return
    # The answer has begun, so it can only be cut off: the server closes the connection, and the
    # caller sees that the answer is not whole.
    request.reason = problem.code
    log.warning("request %s: cut off: %s", request.request_id, problem.code, extra=_about(request))


def _about(request: HotRequest) -> dict[str, object]:
    fields = {"request_id": request.request_id, "tenant": request.principal.tenant}
    return {FIELDS: fields | trace_fields(traceparent_of(request))}
