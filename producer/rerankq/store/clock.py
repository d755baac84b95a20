"""An estimate of Redis' clock, from the time in its last answer."""

import time


class Clock:
    """Redis' clock: the time in its last answer, plus the time since.

    It decides nothing: Redis compares a time from here with its own.
    """

    def __init__(self) -> None:
        self._behind_ms: float | None = None

    def heard(self, now_ms: int) -> None:
        """Note the time in an answer that Redis has just given."""
        self._behind_ms = now_ms - _monotonic_ms()

    def now_ms(self) -> int:
        """The time now, or a little earlier; 0 before the first answer."""
        return 0 if self._behind_ms is None else int(self._behind_ms + _monotonic_ms())


def _monotonic_ms() -> float:
    return time.monotonic() * 1000
