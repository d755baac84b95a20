"""Whether many jobs get malformed answers: then no single job is to blame for its own."""

import math
from collections.abc import Callable
from typing import Final

FADES_SECONDS: Final = 60.0
COMMON: Final = 0.05
"""Share of all answers. At 5 %, one job in three million gets five in a row by chance."""


class MalformedShare:
    """The share of recent answers that were malformed; only the first one of each job counts.

    Args:
        clock: a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self._rankings = self._malformed = 0.0

    def count_ranking(self) -> None:
        """Count a ranking."""
        self._rankings += 1

    def count_malformed(self) -> None:
        """Count a job's first malformed answer."""
        self._fade()
        self._malformed += 1

    @property
    def is_common(self) -> bool:
        """Whether jobs other than the one that asks get malformed answers too."""
        self._fade()
        others = self._malformed - 1
        return others > 0 and others >= COMMON * (others + self._rankings)

    def _fade(self) -> None:
        now = self._clock()
        share = math.exp((self._at - now) / FADES_SECONDS)
        self._rankings, self._malformed, self._at = (
            self._rankings * share,
            self._malformed * share,
            now,
        )
