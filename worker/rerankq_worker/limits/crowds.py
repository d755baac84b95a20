"""Jobs of an account that has enough of them in hand are sent back, so that others' find room.

A hint does not say by which account its jobs will go. Where several are used, the jobs of one that
is used to its limit would fill this worker's hands, and those of an idle one would wait behind.
"""

import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from rerankq_worker.limits.permits import Permits

MOST_SENT_BACK: Final = 1000
"""Jobs of an account that wait in the ledger for their turn at a time: so far this worker looks
into the queue for those of others, and so often at most it takes and returns one."""
MOST_SECONDS: Final = 60.0
"""The longest that one is sent away: its account may have more room by then."""
LEAST_RATE: Final = 0.1


@dataclass(slots=True)
class _Crowd:
    next_at: float = 0.0
    back_at: deque[float] = field(default_factory=deque)


class Crowds:
    """When the jobs that were sent back have their turns, by the accounts that could serve them."""

    def __init__(self) -> None:
        self._crowds: dict[frozenset[Permits], _Crowd] = {}

    def turn(self, accounts: Collection[Permits], *, waiting: int) -> float | None:
        """In how many seconds one more job of these accounts has its turn; None to keep it here.

        Args:
            accounts: those by which it could go.
            waiting: jobs in hand that wait for a permit of them.
        """
        usable = [each for each in accounts if each.status.is_usable and not each.cut_off]
        capacities = [each.capacity for each in usable]
        if not usable or None in capacities:
            return None
        if waiting < sum(
            (each or 0) - at.in_flight for each, at in zip(capacities, usable, strict=True)
        ):
            return None
        now = time.monotonic()
        crowd = self._crowds.setdefault(frozenset(accounts), _Crowd())
        while crowd.back_at and crowd.back_at[0] <= now:
            crowd.back_at.popleft()
        if len(crowd.back_at) >= MOST_SENT_BACK:
            return None
        rate = max(LEAST_RATE, sum(each.status.share for each in usable))
        crowd.next_at = max(crowd.next_at, now + waiting / rate) + 1 / rate
        seconds = min(MOST_SECONDS, crowd.next_at - now)
        crowd.next_at = min(crowd.next_at, now + MOST_SECONDS)
        crowd.back_at.append(now + seconds)
        return seconds
