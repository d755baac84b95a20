"""Runs tasks that must never end, and restarts the worker when one ends."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from rerankq.error_origin import origin
from rerankq_worker.process.restart import Restart

CANCEL_SECONDS: Final = 0.2


@asynccontextmanager
async def in_background(
    restart: Restart, *duties: Coroutine[Any, Any, None]
) -> AsyncIterator[None]:
    """Run endless tasks while the block runs; if one of them fails, the worker restarts."""
    tasks = [asyncio.create_task(duty) for duty in duties]
    for task in tasks:
        task.add_done_callback(partial(_miss, restart))
    try:
        yield
    finally:
        running = set(tasks)
        while running:
            for task in running:
                # Repeatedly: before Python 3.12 `asyncio.wait_for`, which redis-py uses, can
                # swallow a cancellation.
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_SECONDS)


def _miss(restart: Restart, duty: "asyncio.Task[None]") -> None:
    """Restart the worker when a task has failed: otherwise nobody would notice until jobs hang."""
    error = None if duty.cancelled() else duty.exception()
    if error:
        missed = asyncio.create_task(restart.in_order(f"a duty ended by {origin(error)}"))
        _restarting.add(missed)


_restarting: Final[set["asyncio.Task[None]"]] = set()
"""Keeps the tasks alive: asyncio itself holds only weak references to them."""
