"""The composition root: puts the parts of the gateway together; nothing else does."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from rerankq.client import AsyncRerankClient
from rerankq.events import Events
from rerankq.monitoring.logs.access import log_requests
from rerankq.monitoring.traces.start import trace_gateway
from rerankq_gateway import (
    audit,
    batches,
    console,
    files,
    health,
    jobs,
    pages,
    rerank,
    usage,
    webhooks,
)
from rerankq_gateway.access.gate import Gate
from rerankq_gateway.access.rate_headers import RateHeaders
from rerankq_gateway.asgi.cold import takes_errors
from rerankq_gateway.asgi.dispatch import AsgiApp, Dispatch, Traced
from rerankq_gateway.asgi.request import AsgiScope, HotHandler, Receive, Send
from rerankq_gateway.connection import BoundedConnection
from rerankq_gateway.duties import Duties, Duty
from rerankq_gateway.metrics import measured
from rerankq_gateway.parts import Parts, RouteGroup
from rerankq_gateway.process_log import set_up_process_log
from rerankq_gateway.settings import GatewaySettings, load
from rerankq_gateway.shutdown import Shutdown, ended_with_parent

if TYPE_CHECKING:
    from rerankq.monitoring.traces.processes import GatewayTraces

GROUPS: Final[tuple[RouteGroup, ...]] = (
    *(jobs, rerank, batches, files, webhooks, audit, usage, health),
)
"""Everything that the gateway serves. Each is a package with the functions of `RouteGroup`."""
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own would send paths, queries and messages of errors, which may quote a document."""
_GARBAGE_OBJECTS: Final = 10_000
"""Collections of the youngest objects begin at so many: a call makes hundreds, and keeps none."""


class Gateway:
    """The ASGI application of one process. Its parts live from its start-up to its shutdown.

    Args:
        settings: the settings in use.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._served: AsgiApp | None = None

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve a request, or the process' life from start to end; ASGI calls this."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._served is None:
            raise RuntimeError("the server calls the gateway before its start-up")
        else:
            await self._served(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        # Made here and not at import: connections belong to this process and its event loop.
        async with opened(self._settings) as served:
            self._served = served
            _spare_the_collector()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _spare_the_collector() -> None:
    """Make garbage collections rare, and exempt the objects that the start has made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_OBJECTS)


@asynccontextmanager
async def opened(settings: GatewaySettings) -> AsyncIterator[AsgiApp]:
    """The gateway with its parts, which end with the block."""
    shutdown = Shutdown(settings.drain_seconds)
    events = Events()
    if settings.access_log:
        log_requests(events)
    traces = trace_gateway(settings, events)
    async with AsyncExitStack() as exits:
        if traces:
            exits.push_async_callback(asyncio.to_thread, traces.end)
        yield await exits.enter_async_context(_served(settings, shutdown, events, traces))


@asynccontextmanager
async def _served(
    settings: GatewaySettings, shutdown: Shutdown, events: Events, traces: "GatewayTraces | None"
) -> AsyncIterator[AsgiApp]:
    async with AsyncRerankClient(settings=settings, events=events) as client:
        parts = Parts.of(settings, client, shutdown)
        duties: list[Duty] = [duty for group in GROUPS for duty in group.duties(parts)]
        with shutdown.signalled(), ended_with_parent():
            async with measured(parts), Duties(duties):
                yield composed(parts, traces.begun if traces else None)


def composed(parts: Parts, traced: Traced | None = None) -> Dispatch:
    """All groups of routes behind one dispatcher; `traced` begins the spans of requests."""
    hot: dict[tuple[str, str], HotHandler] = {}
    for group in GROUPS:
        hot |= group.hot(parts)
    cold = _cold(parts)
    open_paths = health.OPEN_PATHS
    if parts.settings.docs:
        hot |= pages.hot(_description(cold))
        open_paths |= pages.OPEN_PATHS
    gate = Gate(parts.settings, parts.client.tokens)
    return Dispatch(
        hot=hot,
        cold=cold,
        gate=gate,
        rates=RateHeaders(parts.client.tenants),
        root_path=parts.settings.root_path,
        open_paths=open_paths,
        mounted=console.mounted(parts, gate) if parts.settings.console else {},
        idle_seconds=parts.settings.idle_seconds,
        events=parts.client.events,
        traced=traced,
    )


def described() -> dict[str, Any]:
    """The OpenAPI document of a gateway, without Redis and without serving."""
    settings = GatewaySettings.model_construct()  # the defaults, whatever the environment says
    parts = Parts.of(settings, AsyncRerankClient(settings=settings), Shutdown(0))
    return _description(_cold(parts))


def _description(cold: FastAPI) -> dict[str, Any]:
    return pages.schema(cold, [group.described() for group in GROUPS])


def _cold(parts: Parts) -> FastAPI:
    cold = FastAPI(
        title="rerankq",
        version=version("rerankq"),
        root_path=parts.settings.root_path,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # Its redirects would repeat the Host header of the caller.
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    takes_errors(cold)
    for group in GROUPS:
        cold.include_router(group.routes(parts))
    return cold


def make() -> Any:
    """The application of a server process; uvicorn calls this in each."""
    settings = load()
    BoundedConnection.idle_seconds = settings.idle_seconds
    set_up_process_log(settings)
    return Gateway(settings)
