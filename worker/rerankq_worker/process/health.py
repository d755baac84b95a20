"""`/live` and `/ready` over HTTP, for whoever runs workers by the dozen."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from rerankq_worker.process.heartbeats import Heartbeats

FRESH_SECONDS: Final = 10.0
WELL: Final = "ok"


@asynccontextmanager
async def health_served(heartbeats: Heartbeats, *, host: str, port: int) -> AsyncIterator[None]:
    """Answer 200 where all is well, else 503; either way a word on each part, as JSON.

    `/live`: the event loop turns; if not, restart the worker. `/ready`: Celery's hub turns and
    the ledger answers and takes what it is given; if not, it says why: wait, or see to Redis, and
    work will go on by itself. Nor is a worker ready that alone gets no rankings: see to
    its network. One that was asked to end is alive until its drain is over, and no longer ready.

    Raises:
        OSError: the port is taken.
    """
    app = web.Application()
    app.router.add_get("/live", _handler(lambda: _beats(heartbeats, "loop")))
    app.router.add_get("/ready", _handler(lambda: _readiness(heartbeats)))
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


def _readiness(heartbeats: Heartbeats) -> dict[str, str]:
    words = _beats(heartbeats, "loop", "hub", "ledger")
    if heartbeats.ledger_trouble:
        words["ledger"] = heartbeats.ledger_trouble
    words["upstream"] = heartbeats.upstream_trouble or WELL
    return words | {"worker": "ending" if heartbeats.deadline else WELL}


def _beats(heartbeats: Heartbeats, *parts: str) -> dict[str, str]:
    now = time.monotonic()
    silences = {part: now - getattr(heartbeats, f"{part}_beat") for part in parts}
    return {
        part: WELL if silence < FRESH_SECONDS else "silent" for part, silence in silences.items()
    }
