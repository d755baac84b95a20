"""Tells the user that a command waits because a lane is full."""

import time
from collections.abc import Callable
from typing import Final

PAUSE_SECONDS: Final = 5.0
"""How long a wait lasts before the user is told."""


class Notice:
    """Called each time that a lane takes no job; tells the user once, when that has lasted a while.

    Args:
        say: shows the user a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = False
        self._since = self._last = -PAUSE_SECONDS

    def __call__(self, reason: str) -> None:
        """Note that the lane took no job, and why."""
        now = time.monotonic()
        if now - self._last > PAUSE_SECONDS:
            # The lane took jobs since the last call: another wait has begun.
            self._since = now
        self._last = now
        if not self._said and now - self._since >= PAUSE_SECONDS:
            self._said = True
            self._say(f"{reason}: waiting until it has space for the rest")
