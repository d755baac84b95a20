"""Sees to it that a worker that was asked to end does end, whatever its main thread waits for.

Celery ends a worker in its main thread, and talks to its broker there without a time limit: where
Redis says nothing, and refuses nothing either, that takes for ever. What counts is decided on the
event loop, in a drain with limits of its own. Celery gets time to take its leave; then a thread
that waits for nobody ends the process.
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
"""Each asks a worker to end; the second that comes, or SIGQUIT at once, to do so in haste. SIGHUP
is what the end of its terminal sends."""
SETTLE_SECONDS: Final = 12.0
"""What a drain may take beyond its grace time: each of its waits for a silent Redis, to the end."""
HASTE_SECONDS: Final = 11.0
"""The same once a second signal has come: a claim under way, what is handed back, and no more."""
FAREWELL_SECONDS: Final = 6.0
"""From the end of a drain to the end of the process, while Redis answers: one or two are usual."""
HASTY_FAREWELL_SECONDS: Final = 3.0
LAST_WORDS_SECONDS: Final = 2.0
"""How long an ending waits for whoever reads the log."""
ORDERLY: Final = 0
CUT_SHORT: Final = 1


class _News(Enum):
    ASKED = auto()
    HURRIED = auto()
    DRAINED = auto()


class ShutdownDeadline:
    """The last resort of a worker's end. Each call may come from a signal handler, or any thread.

    Args:
        grace_seconds: how long running jobs may finish.
        leave: ends the process with an exit code.
    """

    def __init__(self, grace_seconds: float, *, leave: Callable[[int], object] = os._exit) -> None:
        self._grace_seconds = grace_seconds
        self._leave = leave
        # Nothing else that wakes a thread may be used in a signal handler that meets itself.
        self._news: SimpleQueue[_News] = SimpleQueue()

    def watch(self) -> None:
        """Wait in a thread of its own for what the other calls tell."""
        threading.Thread(target=self._watch, name="rerankq-ending", daemon=True).start()

    def asked(self) -> None:
        """The worker is to end: its drain begins."""
        self._news.put(_News.ASKED)

    def hurried(self) -> None:
        """It is to end now: what runs is handed back."""
        self._news.put(_News.HURRIED)

    def drained(self) -> None:
        """What it had in hand is settled. All that is left is courtesy."""
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
            last_words("ending without Celery's farewell, which takes too long: is Redis silent?")
        else:
            last_words("ending within a drain that takes too long: the leases will run out")
        self._leave(code)

    def _next(self, until: float) -> _News | None:
        if until == float("inf"):
            return self._news.get()
        try:
            return self._news.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            return None


def last_words(words: str) -> None:
    """Log why this process goes, unless nobody takes it: a full pipe must not hold up the end."""

    def say() -> None:
        log.critical("%s", words)
        logging.shutdown()

    saying = threading.Thread(target=say, name="rerankq-last-words", daemon=True)
    saying.start()
    saying.join(LAST_WORDS_SECONDS)
