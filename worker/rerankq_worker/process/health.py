"""`/live` and `/ready` over HTTP, for orchestrators such as Kubernetes, and `/metrics`."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from rerankq_worker.process.heartbeats import Heartbeats

FRESH_SECONDS: Final = 10.0
WELL: Final = "ok"
MetricsText = Callable[[str], tuple[bytes, str]]
"""Given a reader's `Accept` header, returns the metrics as text, and its content type."""


@asynccontextmanager
async def health_served(
    heartbeats: Heartbeats, *, host: str, port: int | None, metrics: MetricsText | None = None
) -> AsyncIterator[None]:
    """Answer 200 if all is well, else 503; the body is JSON with the state of each part.

    `/live`: whether the event loop runs; if not, restart the worker. `/ready`: whether Celery's
    hub runs and the ledger accepts writes; if not, the body says why, and work goes on by itself
    once Redis is well. A worker that alone gets no rankings is not ready either: check its
    network. A worker that shuts down is not ready, but alive until its drain is over.
    `/metrics`, if there are any: for Prometheus. Nothing is served without a port.

    Raises:
        OSError: the port is taken.
    """
    if port is None:
        yield
        return
    app = web.Application()
    app.router.add_get("/live", _handler(lambda: _beats(heartbeats, "loop")))
    app.router.add_get("/ready", _handler(lambda: _readiness(heartbeats)))
    if metrics:
        app.router.add_get("/metrics", _metrics_handler(metrics))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


def _handler(
    look: Callable[[], dict[str, str]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        words = look()
        well = all(word == WELL for word in words.values())
        return web.json_response(words, status=200 if well else 503)

    return answer


def _metrics_handler(text: MetricsText) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        body, content_type = text(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    return answer


def _readiness(heartbeats: Heartbeats) -> dict[str, str]:
    words = _beats(heartbeats, "loop", "hub", "ledger")
    if heartbeats.ledger_trouble:
        words["ledger"] = heartbeats.ledger_trouble
    words["upstream"] = heartbeats.upstream_trouble or WELL
    return words | {"worker": "ending" if heartbeats.ending else WELL}


def _beats(heartbeats: Heartbeats, *parts: str) -> dict[str, str]:
    now = time.monotonic()
    silences = {part: now - getattr(heartbeats, f"{part}_beat") for part in parts}
    return {
        part: WELL if silence < FRESH_SECONDS else "silent" for part, silence in silences.items()
    }
