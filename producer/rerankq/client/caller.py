"""The blocking client as its parts need it: it calls the asynchronous client, and waits."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

A_co = TypeVar("A_co", covariant=True)
T = TypeVar("T")


class Caller(Protocol[A_co]):
    """The blocking client; `A_co` is what a part needs of the asynchronous one."""

    def call(self, ask: Callable[[A_co], Coroutine[Any, Any, T]]) -> T:
        """Call the asynchronous client, and wait for its answer."""

    def each(self, ask: Callable[[A_co], AsyncGenerator[T, None]]) -> Iterator[T]:
        """Call the asynchronous client, and give its answers one by one."""
