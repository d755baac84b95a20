"""Ends a worker that was asked to shut down, whatever its main thread waits for.

Celery shuts down in the main thread, and talks to its broker without a time limit: if Redis
accepts connections but never answers, that takes for ever. The important part is the drain on the
event loop, which has time limits of its own. After it Celery gets some time to shut down; then a
separate thread ends the process.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from queue import Empty, SimpleQueue
from typing import Final

log = logging.getLogger(__name__)

IS_HANGUP_IGNORED: Final = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
"""Whether this process was started by `nohup` or the like, to outlive its terminal."""
ENDING_SIGNALS: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    *(() if IS_HANGUP_IGNORED else (signal.SIGHUP,)),
)
"""Each asks a worker to shut down. A second signal, or SIGQUIT, cuts the drain short. A terminal
sends SIGHUP when it closes."""
SETTLE_SECONDS: Final = 12.0
"""How much longer than its grace time a drain may take: the sum of its waits for Redis."""
HASTE_SECONDS: Final = 11.0
"""The same after a second signal: time for a claim in flight, and for giving jobs back."""
FAREWELL_SECONDS: Final = 6.0
"""From the end of the drain to the end of the process. Usually it takes one or two seconds."""
HASTY_FAREWELL_SECONDS: Final = 3.0
LAST_WORDS_SECONDS: Final = 2.0
"""How long the shutdown waits for the log's reader."""
ORDERLY: Final = 0
CUT_SHORT: Final = 1


class _News(Enum):
    ASKED = auto()
    HURRIED = auto()
    DRAINED = auto()


class ShutdownDeadline:
    """Ends the process when its shutdown takes too long.

    All methods may be called from a signal handler or from any thread.

    Args:
        grace_seconds: how long running jobs have to finish.
        leave: ends the process with an exit code.
    """

    def __init__(self, grace_seconds: float, *, leave: Callable[[int], object] = os._exit) -> None:
        self._grace_seconds = grace_seconds
        self._leave = leave
        # Only this queue is reentrant: a signal handler may interrupt itself while it uses it.
        self._news: SimpleQueue[_News] = SimpleQueue()

    def watch(self) -> None:
        """Start the thread that waits for the other calls."""
        threading.Thread(target=self._watch, name="rerankq-shutdown", daemon=True).start()

    def asked(self) -> None:
        """The worker shuts down: its drain begins."""
        self._news.put(_News.ASKED)

    def hurried(self) -> None:
        """The drain is cut short: running jobs are given back."""
        self._news.put(_News.HURRIED)

    def drained(self) -> None:
        """The drain is over: only Celery's own shutdown is left."""
        self._news.put(_News.DRAINED)

    def _watch(self) -> None:
        until, farewell, code = float("inf"), FAREWELL_SECONDS, CUT_SHORT
        while (news := self._next(until)) is not None:
            now = time.monotonic()
            if news is _News.ASKED:
                until = min(until, now + self._grace_seconds + SETTLE_SECONDS)
            elif news is _News.HURRIED:
                farewell = HASTY_FAREWELL_SECONDS
                until = min(until, now + (HASTE_SECONDS if code == CUT_SHORT else farewell))
            else:
                code, until = ORDERLY, min(until, now + farewell)
        if code == ORDERLY:
            last_words("ended before Celery had shut down, as that takes too long: check Redis")
        else:
            last_words("ended before the drain was over, as it takes too long: the leases expire")
        self._leave(code)

    def _next(self, until: float) -> _News | None:
        if until == float("inf"):
            return self._news.get()
        try:
            return self._news.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            return None


def last_words(words: str) -> None:
    """Log why this process ends, but do not wait long: nobody may be reading the log."""

    def say() -> None:
        log.critical("%s", words)
        logging.shutdown()

    saying = threading.Thread(target=say, name="rerankq-last-words", daemon=True)
    saying.start()
    saying.join(LAST_WORDS_SECONDS)
