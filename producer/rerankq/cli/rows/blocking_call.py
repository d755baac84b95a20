"""A call that may block without a limit, such as a write to a pipe that nobody reads."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

GRACE_SECONDS: Final = 1.0


class BlockingCall:
    """Makes a call in a thread of its own, which does not delay the end of the process."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._fault: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="rerankq-output", daemon=True)
        self._thread.start()

    async def done(self) -> None:
        """Wait for its end.

        Raises:
            Exception: the call raised it.
        """
        await self._over.wait()
        if self._fault:
            raise self._fault

    def came_through(self) -> bool:
        """Whether it ended without an error; gives it a last moment to end."""
        self._thread.join(GRACE_SECONDS)
        return not self._thread.is_alive() and self._fault is None

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as fault:  # noqa: BLE001  raised where it is awaited
            self._fault = fault
        with suppress(RuntimeError):  # the loop is closed: nothing waits any more
            self._loop.call_soon_threadsafe(self._over.set)
