"""How many permits a worker used lately, from which follows how many it wants next."""

import math
from collections.abc import Callable
from typing import Final

FADING_SECONDS: Final = 0.3
"""Time constant in which it is forgotten how many calls have begun between two reports."""
MORE: Final = 1.5
"""So that a worker whose use grows is not held up by what it used before."""


class RecentUse:
    """The permits used between two reports, and for a moment those of the reports before.

    Where calls begin in bursts, as those do that end together, the last report alone says little.

    Args:
        clock: seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expected = 0.0
        self._reported_at = -math.inf

    def expected(self, began: int) -> int:
        """How many will be used until the next report, when so many calls began since the last."""
        now, before = self._clock(), self._reported_at
        self._reported_at = now
        faded = self._expected * math.exp((before - now) / FADING_SECONDS)
        self._expected = max(MORE * began, faded if faded >= 1 else 0.0)
        return math.ceil(self._expected)
