"""`/live` and `/ready` over HTTP, for whoever runs workers by the dozen."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from rerankq_worker.vitals import Vitals

FRESH_SECONDS: Final = 10.0


@asynccontextmanager
async def health_served(vitals: Vitals, *, host: str, port: int) -> AsyncIterator[None]:
    """Answer 200 where all is well, else 503; either way a word on each part, as JSON.

    `/live`: the event loop turns; if not, restart the worker. `/ready`: Celery's hub turns and
    the ledger answers too; if not, wait: work will go on by itself.

    Raises:
        OSError: the port is taken.
    """
    app = web.Application()
    app.router.add_get("/live", _handler(vitals, ("loop",)))
    app.router.add_get("/ready", _handler(vitals, ("loop", "hub", "ledger")))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


def _handler(
    vitals: Vitals, parts: tuple[str, ...]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        now = time.monotonic()
        fresh = {part: now - getattr(vitals, f"{part}_beat") < FRESH_SECONDS for part in parts}
        words = {part: "ok" if well else "silent" for part, well in fresh.items()}
        return web.json_response(words, status=200 if all(fresh.values()) else 503)

    return answer
