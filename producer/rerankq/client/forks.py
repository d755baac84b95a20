"""Makes clients safe to fork: a child has no threads of its parent, but the locks that they held.

So before a fork each thread of a client halts at a point where it holds no lock, and goes on
afterwards. Not only our own locks count: Python holds one for each module that a thread imports,
and Python 3.11 one for each `cached_property` that a thread fills. Celery's first use does both.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol
from weakref import WeakSet

HALT_SECONDS: Final = 1.0
"""Longest wait for a thread that may wait for the network: meanwhile it holds no lock."""
COMPUTING_SECONDS: Final = 30.0
"""Longest wait for a thread that computes or imports, on a busy machine."""


class Forked(Protocol):
    """An object with a thread."""

    def run_soon(self, halt: Callable[[], None]) -> float:
        """Run `halt` in the thread; returns how many seconds to wait for it, 0 without a thread."""

    def begin_anew(self) -> None:
        """In the child: forget the thread, as if there had never been one."""


def watch(each: Forked) -> None:
    """Halt and restart its thread at each fork from now on, as long as the object exists."""
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
            # A thread that has ended meanwhile is not waited for.
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
"""Held while a client starts its thread: a fork waits until it has."""
inherited: Final[list[Any]] = []
"""In a child, the parent's objects: kept, because cleaning them up would disturb the parent."""
_forking: Final = threading.local()
_watched: Final[WeakSet[Any]] = WeakSet()
os.register_at_fork(before=_halt_all, after_in_parent=_go_on, after_in_child=_begin_anew)
