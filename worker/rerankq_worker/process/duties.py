"""Duties that have no end, and what follows when one ends all the same."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import (
    asynccontextmanager,
)
from functools import partial
from typing import Any, Final

from rerankq_worker.process.error_origin import origin
from rerankq_worker.process.restart import Restart

CANCEL_SECONDS: Final = 0.2


@asynccontextmanager
async def in_background(
    restart: Restart, *duties: Coroutine[Any, Any, None]
) -> AsyncIterator[None]:
    """Run duties that have no end beside the block; one that ends starts the worker anew."""
    tasks = [asyncio.create_task(duty) for duty in duties]
    for task in tasks:
        task.add_done_callback(partial(_miss, restart))
    try:
        yield
    finally:
        running = set(tasks)
        while running:
            for task in running:
                # Again and again: before Python 3.12, `asyncio.wait_for`, with which redis-py
                # waits, can swallow a cancellation.
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_SECONDS)


def _miss(restart: Restart, duty: "asyncio.Task[None]") -> None:
    """A duty that ended unasked would be missed by nobody, until jobs are stuck."""
    error = None if duty.cancelled() else duty.exception()
    if error:
        missed = asyncio.create_task(restart.in_order(f"a duty ended by {origin(error)}"))
        _restarting.add(missed)


_restarting: Final[set["asyncio.Task[None]"]] = set()
"""A task that nobody holds on to may vanish before it is done."""
