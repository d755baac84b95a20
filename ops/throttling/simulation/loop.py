"""An event loop whose time passes only when no task can run."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

START: float = 1_000_000.0


class _Idle(selectors.SelectSelector):
    """Does not wait for I/O; it moves the time forward instead."""

    def __init__(self, wait: Callable[[float], None]) -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("the simulation waits for something that will never come")
        if timeout > 0:
            self._wait(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, in seconds. It does no I/O and knows no threads."""

    def __init__(self) -> None:
        self._now = START
        super().__init__(_Idle(self._pass))

    def time(self) -> float:
        """The virtual time."""
        return self._now

    def _pass(self, seconds: float) -> None:
        self._now += seconds
