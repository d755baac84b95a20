"""How many permits a worker used lately, and so how many it asks for next."""

import math
from collections.abc import Callable
from typing import Final

FADING_SECONDS: Final = 0.3
"""Time constant by which the number of calls of earlier reports fades."""
MORE: Final = 1.5
"""A worker asks for this many times what it used, so that its use can grow."""


class RecentUse:
    """The permits used since the last report; those of earlier reports count for a moment longer.

    Calls that end together also begin together, in bursts: the last report alone says little.

    Args:
        clock: a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expected = 0.0
        self._reported_at = -math.inf

    def expected(self, began: int) -> int:
        """How many permits the next report will need; `began` calls began since the last one."""
        now, before = self._clock(), self._reported_at
        self._reported_at = now
        faded = self._expected * math.exp((before - now) / FADING_SECONDS)
        self._expected = max(MORE * began, faded if faded >= 1 else 0.0)
        return math.ceil(self._expected)
