"""Starts this process anew in its own place, never over the heads of ends that are not written.

The process keeps its id, and whoever watches over it. What it had finished was paid for: that is
written before, however long Redis takes to accept it. Until then a new process could do nothing
either.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.shutdown_deadline import CUT_SHORT, last_words

log = logging.getLogger(__name__)

WriteOut = Callable[[], Coroutine[Any, Any, None]]


def _replace_process() -> None:
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  this program itself


class Restart:
    """The last resort of a worker that is alive and works no more.

    Args:
        heartbeats: the signs of life; a process that was asked to end is not replaced, it ends.
        drain: lets calls under way end, within their time limits, and begins no other.
        write_out: writes what is finished by connections of its own, on an event loop of its own.
        replace: puts a new process in the place of this one.
        leave: ends the process with an exit code.
    """

    def __init__(
        self,
        heartbeats: Heartbeats,
        *,
        drain: Callable[[], Awaitable[None]],
        write_out: WriteOut,
        replace: Callable[[], object] = _replace_process,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._heartbeats = heartbeats
        self._drain = drain
        self._write_out = write_out
        self._replace = replace
        self._leave = leave
        self._begun: Final = threading.Lock()

    async def in_order(self, reason: str) -> None:
        """Replace the process once what it has in hand has ended or was given back."""
        log.critical("starting anew in this place, once calls under way have ended: %s", reason)
        self._heartbeats.draining = True
        await self._drain()
        # What was handed to the writer may not be written yet, and the writer may be what failed.
        await asyncio.to_thread(self.at_once, reason)

    def at_once(self, reason: str) -> None:
        """Replace the process when all that is finished is written. Not for the loop's thread."""
        if not self._begun.acquire(blocking=False):
            return
        log.critical("what is finished is written, then this process starts anew: %s", reason)
        asyncio.run(self._write_out())
        if self._heartbeats.stop_asked:
            last_words(f"ending at once: {reason}")
            self._leave(CUT_SHORT)
            return
        last_words(f"starting anew in this place: {reason}")
        self._replace()
