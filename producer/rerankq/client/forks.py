"""What a fork does to threads: they are not in the child, but the locks that they held are.

So before a fork each thread of a client comes to a halt where it holds none, and goes on after it.
The locks are not only our own: Python holds one for each module that a thread imports, and Python
3.11 one for each `cached_property` that a thread fills. Both happen in the first use of Celery.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol
from weakref import WeakSet

HALT_SECONDS: Final = 1.0
"""A thread that may wait for the network is not waited for longer: there it holds none."""
COMPUTING_SECONDS: Final = 30.0
"""So long may one take that computes, or imports, on a busy machine."""


class Forked(Protocol):
    """Somebody who has a thread."""

    def run_soon(self, halt: Callable[[], None]) -> float:
        """Run this in the thread; returns how many seconds to wait for that, 0 without a thread."""

    def begin_anew(self) -> None:
        """In the child: be as if there had never been a thread."""


def watch(each: Forked) -> None:
    """From now on see to it at each fork, for as long as it lives."""
    _watched.add(each)


def _halt_all() -> None:
    opening.acquire()
    resume = threading.Event()
    halts = getattr(_forking, "halts", None)
    if halts is None:
        halts = _forking.halts = []
    halts.append(resume)
    waits = []
    for each in list(_watched):
        halted = threading.Event()

        def halt(halted: threading.Event = halted) -> None:
            halted.set()
            resume.wait()

        with suppress(RuntimeError):
            # Of a thread that has ended meanwhile there is nothing to wait for.
            waits.append((halted, each.run_soon(halt)))
    for halted, seconds in waits:
        if seconds:
            halted.wait(seconds)


def _go_on() -> None:
    _forking.halts.pop().set()
    opening.release()


def _begin_anew() -> None:
    _forking.halts.pop()
    opening._at_fork_reinit()  # type: ignore[attr-defined]  # noqa: SLF001  as threading does
    for each in list(_watched):
        each.begin_anew()


opening: Final = threading.RLock()
"""Held while a client gets its thread: a fork waits for that."""
inherited: Final[list[Any]] = []
"""In a child, what was the parent's: kept, as to clean it up would disturb the parent."""
_forking: Final = threading.local()
_watched: Final[WeakSet[Any]] = WeakSet()
os.register_at_fork(before=_halt_all, after_in_parent=_go_on, after_in_child=_begin_anew)
