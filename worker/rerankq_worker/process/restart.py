"""Replaces this process by a new one, but only after all outcomes are written.

The process keeps its id and its supervisor. Finished calls were paid for, so their outcomes are
written first, however long Redis takes to accept them. Until Redis does, a new process could not
work either.
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
    """The last resort for a worker that is alive but no longer works.

    Args:
        heartbeats: a process that was asked to shut down is not replaced: it ends.
        drain: lets calls in flight end within their time limits, and begins no others.
        write_out: writes all outcomes by connections and an event loop of its own.
        replace: replaces this process by a new one.
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
        """Replace the process once its jobs have ended or were given back."""
        log.critical("this process restarts once its calls in flight have ended: %s", reason)
        self._heartbeats.draining = True
        await self._drain()
        # Some outcomes may not be written yet, and the completer may be what failed.
        await asyncio.to_thread(self.at_once, reason)

    def at_once(self, reason: str) -> None:
        """Replace the process once all outcomes are written. Must not run on the loop's thread."""
        if not self._begun.acquire(blocking=False):
            return
        log.critical("this process writes its last outcomes, then restarts: %s", reason)
        asyncio.run(self._write_out())
        if self._heartbeats.stop_asked:
            last_words(f"ending at once: {reason}")
            self._leave(CUT_SHORT)
            return
        last_words(f"this process restarts: {reason}")
        self._replace()
