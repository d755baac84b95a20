"""The end of a process: announced by SIGTERM, and over after the drain."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final, TypeVar

T = TypeVar("T")

_Served = signal.Handlers | int | Callable[[int, FrameType | None], Any] | None
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Shutdown:
    """Says when the process is about to end.

    From `began` on nothing new is begun. Whoever waits for something goes on until `over`.

    Attributes:
        began: set by SIGTERM or Ctrl-C.
        over: set once the drain is over: whoever still waits answers now.
    """

    def __init__(self, drain_seconds: float) -> None:
        self.began = asyncio.Event()
        self.over = asyncio.Event()
        self._drain_seconds = drain_seconds

    def begin(self) -> None:
        """Begin the drain; a second call changes nothing."""
        if not self.began.is_set():
            self.began.set()
            asyncio.get_running_loop().call_later(self._drain_seconds, self.over.set)

    async def unless_over(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do some work until the drain is over; None when it did not end by then."""
        task = asyncio.ensure_future(work)
        over = asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait((task, over), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            over.cancel()
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    @contextmanager
    def signalled(self) -> Iterator[None]:
        """Begin at a signal, which then has the effect that the server gives it."""
        loop = asyncio.get_running_loop()
        before: dict[signal.Signals, _Served] = {}

        def note(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.begin)
            served = before[signal.Signals(number)]
            if callable(served):
                served(number, frame)

        # Only the main thread has signals; in another one the server is stopped by its owner.
        with suppress(ValueError):
            for each in _SIGNALS:
                before[each] = signal.signal(each, note)
        try:
            yield
        finally:
            for each, served in before.items():
                signal.signal(each, served)


@contextmanager
def ended_with_parent() -> Iterator[None]:
    """End this process in order when the process that started it has died.

    With several workers their parent ends them, and a parent that was killed no longer can: they
    would keep the port, and go on with the settings of a gateway that its owner believes ended.
    """
    loop = asyncio.get_running_loop()
    parent = multiprocessing.parent_process()
    if parent is None:  # the only process of the gateway
        yield
        return
    # A pipe whose other end only the parent holds: it can be read once the parent is gone.
    gone = parent.sentinel

    def end() -> None:
        loop.remove_reader(gone)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(gone, end)
    try:
        yield
    finally:
        loop.remove_reader(gone)
