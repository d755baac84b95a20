"""Objects that belong to an event loop: one for each loop that uses them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Makes one for each event loop, and closes it when the loop ends.

    Connections and tasks belong to the loop in which they began. A class that keeps them here can
    itself be used in several loops, at once or one after the other.

    Args:
        make: makes one, within the loop.
        close: closes one, within the same loop.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._made: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None]]] = {}

    def get(self) -> T:
        """The one of the running loop."""
        loop = asyncio.get_running_loop()
        found = self._made.get(loop)
        if found is None:
            self._forget_closed_loops()
            one = self._make()
            found = self._made[loop] = one, _started(_closing_at_the_end(one, self._close))
        return found[0]

    async def close(self) -> None:
        """Close each in its loop: this loop's now, the others soon. `get` makes a new one."""
        here = asyncio.get_running_loop()
        for loop in list(self._made):
            _, at_the_end = self._made.pop(loop)
            if loop is here:
                await at_the_end.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(_closed(at_the_end), loop)

    def _forget_closed_loops(self) -> None:
        for loop in list(self._made):
            if loop.is_closed():
                self._made.pop(loop, None)


async def _closing_at_the_end(
    one: T, close: Callable[[T], Awaitable[None]]
) -> AsyncGenerator[None, None]:
    """Waits until it is closed: by `close`, or by the loop, which closes generators at its end."""
    try:
        yield
    finally:
        await close(one)


def _started(generator: AsyncGenerator[None, None]) -> AsyncGenerator[None, None]:
    # The loop knows a generator from its first step on; here that step waits for nothing.
    with suppress(StopIteration):
        generator.__anext__().send(None)
    return generator


async def _closed(generator: AsyncGenerator[None, None]) -> None:
    await generator.aclose()
