"""What Redis' clock shows, to somebody who heard from it a moment ago."""

import time


class Clock:
    """Redis' clock, as its last answer told it and the time since.

    It decides nothing: whoever is given a time from here compares it with Redis' own.
    """

    def __init__(self) -> None:
        self._behind_ms: float | None = None

    def heard(self, now_ms: int) -> None:
        """Redis has answered just now, and said what time it is."""
        self._behind_ms = now_ms - _monotonic_ms()

    def now_ms(self) -> int:
        """What it shows now, or a little less; 0 before the first answer."""
        return 0 if self._behind_ms is None else int(self._behind_ms + _monotonic_ms())


def _monotonic_ms() -> float:
    return time.monotonic() * 1000
