"""The listening port: closed only in outages in which connections are refused."""

import asyncio
import contextlib
import time
from typing import Final

from aiohttp import web

from rerankq_sandbox.actions import RefuseAction
from rerankq_sandbox.timeline import Timeline

# A worker opens its connections all at once: the queue must hold 1,000 of them.
_BACKLOG: Final = 2048

# While the port is closed, no call can trigger the check whether the outage is over.
_LOOK_SECONDS: Final = 0.02


class Door:
    """Listens for connections, except while a scenario wants them refused.

    Args:
        runner: serves the connections.
        host: address to listen on.
        port: port to listen on; 0 takes a free one, and keeps it.
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
        """Stop listening; open connections stay."""
        if self._site is not None:
            await self._site.stop()
            self._site = None

    async def keep(self, timeline: Timeline, stop: asyncio.Event) -> None:
        """Open and close the port as the scenario wants, until `stop`.

        Raises:
            OSError: another program has taken the port meanwhile.
        """
        while not stop.is_set():
            timeline.advance(time.monotonic())
            await (self.close() if isinstance(timeline.outage, RefuseAction) else self.open())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await stop.wait()
