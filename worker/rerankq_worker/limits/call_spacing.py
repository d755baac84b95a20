"""The distance between the calls to one account.

An upstream that counts by the second would refuse bursts.
"""

import math
from collections.abc import Callable
from typing import Final

SLACK_SECONDS: Final = 0.01
"""How late a call may be without moving the calls after it."""
MOST_LATE_SECONDS: Final = 0.25
"""How much later it may be if the event loop was too busy to begin it in time."""
UNPROVEN_RATE: Final = 400.0
"""Below this rate in calls a second, an upstream with an unknown limit gets no bursts."""
SPARE: Final = 1.05
"""Permits are used this many times as fast as they come, or some would be left each time."""


class CallSpacing:
    """When the next call to an account may begin, after those before it.

    Args:
        clock: a monotonic clock in seconds.

    Attributes:
        next_at: when the next call may begin, by that clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._apart = 0.0
        self._late = 0.0
        self.next_at = -math.inf

    @property
    def seconds(self) -> float:
        """Seconds until the next call may begin; 0 when calls need not keep a distance."""
        return max(0.0, self.next_at - self._clock()) if self._apart else 0.0

    def begins(self) -> None:
        """A call is about to begin."""
        earliest = self._clock() - SLACK_SECONDS - self._late
        self.next_at = max(self.next_at, earliest) + self._apart

    def ran_late(self, seconds: float) -> None:
        """The call that was to begin now is late by `seconds`, and so are those after it."""
        self._late = min(max(0.0, seconds), MOST_LATE_SECONDS)

    def set_rate(self, rate: float, share: float, *, limited: bool) -> None:
        """Keep calls apart as the account's rate asks for.

        Args:
            rate: calls a second that all workers together may make.
            share: of them, this worker's.
            limited: whether the account's limit is known.
        """
        is_careful = limited or rate < UNPROVEN_RATE
        self._apart = 1 / (SPARE * share) if is_careful else 0.0
