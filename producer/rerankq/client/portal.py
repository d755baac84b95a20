"""An event loop in a thread of its own, for callers that have none."""

import asyncio
import os
import selectors
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class Watch(selectors.DefaultSelector):
    """What a portal's loop watches its sockets with."""

    def forget(self) -> None:
        """Begin anew, watching nothing."""
        self.close()
        super().__init__()


class Portal:
    """Runs coroutines for blocking callers, from any number of threads."""

    def __init__(self) -> None:
        watch = Watch()
        _watches.add(watch)
        self._loop = asyncio.SelectorEventLoop(watch)
        # A daemon: a client that nobody closed must not keep the process from ending.
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="rerankq-client", daemon=True
        )
        self._thread.start()

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run the coroutine on the loop, while the caller goes on."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine on the loop, and wait for it; an interrupt here cancels it there."""
        future = self.begin(coroutine)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End the loop and its thread."""
        # Sockets that were closed last need one more turn of the loop to let go.
        self.call(asyncio.sleep(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _leave_to_parent() -> None:
    for watch in list(_watches):
        watch.forget()


# A fork shares epoll's registrations: when the child lets go of connections that it inherited,
# the parent's loop would hear nothing of them any more.
_watches: Final[WeakSet[Watch]] = WeakSet()
os.register_at_fork(after_in_child=_leave_to_parent)
