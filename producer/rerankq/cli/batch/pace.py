"""The speed of a run, and the time left at that speed."""

from collections import deque
from typing import Final

WINDOW_SECONDS: Final = 30.0
MOST_MARKS: Final = 200


class Pace:
    """Rows that ended in a second, over the last half minute."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque(maxlen=MOST_MARKS)

    def mark(self, now: float, ended: int) -> None:
        """Note how many have ended by `now`, in seconds of any clock."""
        self._marks.append((now, ended))
        while now - self._marks[0][0] > WINDOW_SECONDS and len(self._marks) > 2:  # noqa: PLR2004  a rate needs two
            self._marks.popleft()

    @property
    def rate(self) -> float:
        """Rows that end in a second; 0 while that is not known."""
        (first, before), (last, now) = self._marks[0], self._marks[-1]
        return (now - before) / (last - first) if last > first else 0.0

    def seconds_for(self, rows: float | None) -> float | None:
        """How long so many more will take; None when that is not known."""
        return None if rows is None or self.rate <= 0 else rows / self.rate


def shown_rate(rate: float) -> str:
    """A rate with its meaningful digits."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"  # noqa: PLR2004


def shown_duration(seconds: float) -> str:
    """A duration for people, such as 2 h 05 min."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
