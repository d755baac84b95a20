"""The port: open, but for outages in which connections are refused."""

import asyncio
import contextlib
import time
from typing import Final

from aiohttp import web

from rerankq_sandbox.actions import RefuseAction
from rerankq_sandbox.timeline import Timeline

# A worker opens its connections all at once: none of 1,000 should meet a full queue.
_BACKLOG: Final = 2048

# No call comes by which the end of such an outage could be noticed.
_LOOK_SECONDS: Final = 0.02


class Door:
    """Listens for connections, and does not while a scenario wants them refused.

    Args:
        runner: serves the connections.
        host: address to listen on.
        port: 0 takes a free one, and keeps it.
    """

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self.port = port
        self._runner = runner
        self._host = host
        self._site: web.TCPSite | None = None

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        if self._site is None:
            self._site = web.TCPSite(self._runner, self._host, self.port, backlog=_BACKLOG)
            await self._site.start()
            self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Listen no more; the connections that there are stay."""
        if self._site is not None:
            await self._site.stop()
            self._site = None

    async def keep(self, timeline: Timeline, stop: asyncio.Event) -> None:
        """Open and close as the scenario says, until `stop`.

        Raises:
            OSError: somebody else has taken the port meanwhile.
        """
        while not stop.is_set():
            timeline.advance(time.monotonic())
            await (self.close() if isinstance(timeline.outage, RefuseAction) else self.open())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await stop.wait()
