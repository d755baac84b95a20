"""Replaces this process by a new one, but only after all outcomes are written.

The process keeps its id and its supervisor. Finished calls were paid for, so their outcomes are
written first, however long Redis takes to accept them. Until Redis does, a new process could not
work either.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from rerankq.events import Events, WorkerRestarting
from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.shutdown_deadline import CUT_SHORT, last_words

WriteOut = Callable[[], Coroutine[Any, Any, None]]


def _replace_process() -> None:
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  this program itself


class Restart:
    """The last resort for a worker that is alive but no longer works.

    Args:
        heartbeats: a process that was asked to shut down is not replaced: it ends.
        drain: lets calls in flight end within their time limits, and begins no others.
        write_out: writes all outcomes by connections and an event loop of its own.
        events: told why, in the thread that finds the fault.
        replace: replaces this process by a new one.
        leave: ends the process with an exit code.
    """

    def __init__(
        self,
        heartbeats: Heartbeats,
        *,
        drain: Callable[[], Awaitable[None]],
        write_out: WriteOut,
        events: Events | None = None,
        replace: Callable[[], object] = _replace_process,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._heartbeats = heartbeats
        self._drain = drain
        self._write_out = write_out
        self._events = events or Events()
        self._told = False
        self._replace = replace
        self._leave = leave
        self._begun: Final = threading.Lock()

    async def in_order(self, reason: str) -> None:
        """Replace the process once its jobs have ended or were given back."""
        self._tell(reason, may_finish=True)
        self._heartbeats.draining = True
        await self._drain()
        # Some outcomes may not be written yet, and the completer may be what failed.
        await asyncio.to_thread(self.at_once, reason)

    def at_once(self, reason: str) -> None:
        """Replace the process once all outcomes are written. Must not run on the loop's thread."""
        if not self._begun.acquire(blocking=False):
            return
        self._tell(reason, may_finish=False)
        asyncio.run(self._write_out())
        if self._heartbeats.stop_asked:
            last_words(f"ending at once: {reason}")
            self._leave(CUT_SHORT)
            return
        last_words(f"this process restarts: {reason}")
        self._replace()

    def _tell(self, reason: str, *, may_finish: bool) -> None:
        if not self._told:
            self._told = True
            self._events.tell(WorkerRestarting(reason=reason, may_finish=may_finish))
