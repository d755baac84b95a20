"""Calls functions that may block, in threads that do not delay the end of the process."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

T = TypeVar("T")

MOST_AT_ONCE: Final = 32


class DaemonThreads:
    """Bounded in number. Belongs to one event loop.

    With asyncio's own threads, a test that fails while its function waits would hang: the loop and
    the interpreter wait for these threads at their end.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MOST_AT_ONCE)

    async def call(self, function: Callable[[], T]) -> T:
        """Return what the function returns, or raise what it raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(value: T | None, error: Exception | None) -> None:
            if future.cancelled():
                return
            if error:
                future.set_exception(error)
            else:
                future.set_result(value)  # type: ignore[arg-type]  # of a T that may be None

        def run() -> None:
            value, error = None, None
            try:
                value = function()
            except Exception as raised:  # noqa: BLE001  it is raised where it was called
                error = raised
            # The loop may have ended meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, value, error)

        async with self._free:
            threading.Thread(target=run, name="rerankq-fake-scores", daemon=True).start()
            return await future
