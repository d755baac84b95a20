"""An event loop in a thread of its own, for callers without one."""

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar, cast

from rerankq.client import forks
from rerankq.errors import ClientClosed

T = TypeVar("T")


class _Call(Generic[T]):
    """A coroutine that runs on a loop while a thread waits for it.

    Not a future of `concurrent.futures`: when an interrupt comes while a thread begins to wait for
    such a future, its lock stays held, and the loop then waits for this lock for ever.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None
        self._running = threading.Lock()
        self._running.acquire()

    def start(self) -> None:
        """Begin it, on the loop."""
        self._task = asyncio.get_running_loop().create_task(self._coroutine)
        self._task.add_done_callback(lambda _: self._running.release())

    def cancel(self) -> None:
        """End it early, or never begin it."""
        if self._task:
            self._task.cancel()
        else:
            self._coroutine.close()

    def result(self) -> T:
        """What it returns or raises, once it has ended; for the thread that waits."""
        self._running.acquire()
        return cast("asyncio.Task[T]", self._task).result()


class Watch(selectors.DefaultSelector):
    """The selector of a portal's loop."""

    def forget(self) -> None:
        """Replace it by an empty one."""
        self.close()
        super().__init__()


class Portal:
    """Runs coroutines for blocking callers, from any number of threads."""

    def __init__(self) -> None:
        self._watch = Watch()
        self._loop = asyncio.SelectorEventLoop(self._watch)
        self._gate = threading.Lock()
        self._closed = False
        # A daemon: a client that was not closed must not keep the process from ending. The thread
        # refers to the loop only, so that the portal can be garbage-collected.
        self._thread = threading.Thread(
            target=_run, args=[self._loop], name="rerankq-client", daemon=True
        )
        self._thread.start()
        forks.watch(self)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine on the loop, and wait for it; an interrupt of the wait cancels it.

        Raises:
            ClientClosed: the portal was closed, before or during the call.
        """
        call = _Call(coroutine)
        try:
            self._begin(call)
            return call.result()
        except asyncio.CancelledError:
            raise ClientClosed from None
        except BaseException:
            self._end_early(call)
            raise

    def _begin(self, call: _Call[Any]) -> None:
        with self._gate:
            if self._closed:
                raise ClientClosed
            self._loop.call_soon_threadsafe(call.start)

    def _end_early(self, call: _Call[Any]) -> None:
        try:
            self._loop.call_soon_threadsafe(call.cancel)
        except RuntimeError:
            # The loop is closed, so nothing of the call runs.
            call.cancel()

    def close(self, last: Coroutine[Any, Any, object]) -> None:
        """Run the last coroutine, cancel all others, and end the thread."""
        self.close_soon(last)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def close_soon(self, last: Coroutine[Any, Any, object]) -> None:
        """The same, without waiting for it."""
        with self._gate:
            if not self._closed:
                self._closed = True
                asyncio.run_coroutine_threadsafe(_end(last), self._loop)
                return
        last.close()

    def run_soon(self, halt: Callable[[], None]) -> float:
        """See `forks`; until it is closed, the loop never blocks for long."""
        if threading.current_thread() is self._thread:
            return 0
        self._loop.call_soon_threadsafe(halt)
        return forks.HALT_SECONDS if self._closed else forks.COMPUTING_SECONDS

    def begin_anew(self) -> None:
        """See `forks`; the child does not use the parent's portal.

        A fork shares epoll's registrations: if the child closed connections that it inherited, the
        parent's loop would get no events for them any more.
        """
        self._watch.forget()
        forks.inherited.append(self)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _end(last: Coroutine[Any, Any, object]) -> None:
    loop = asyncio.get_running_loop()
    try:
        await last
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await loop.shutdown_asyncgens()
        # Sockets that were closed last need one more turn of the loop.
        await asyncio.sleep(0)
    finally:
        loop.call_soon(loop.stop)
