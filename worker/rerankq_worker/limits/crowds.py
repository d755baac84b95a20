"""Sends jobs of a busy account back to the ledger, so that jobs of other accounts can run.

A hint does not say which account its jobs will use. Where there are several, jobs of an account at
its limit would fill this worker, and jobs of an idle account would wait behind them.
"""

import time
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from rerankq_worker.limits.permits import Permits
from rerankq_worker.limits.waiter import Waiter
from rerankq_worker.upstream.errors import Deferred, Throttled

MOST_SENT_BACK: Final = 1000
"""How many jobs of one account wait in the ledger for their turn at a time. That bounds how far
into the queue this worker looks for jobs of other accounts, and how many it claims and returns."""
MOST_SECONDS: Final = 60.0
"""The longest that a job is sent away: by then its account may be less busy."""
LEAST_RATE: Final = 0.1


@dataclass(slots=True)
class _Crowd:
    next_at: float = 0.0
    back_at: deque[float] = field(default_factory=deque)


class Crowds:
    """When each job that was sent back has its turn, by the accounts that could serve it."""

    def __init__(self) -> None:
        self._crowds: dict[frozenset[Permits], _Crowd] = {}

    def send_back(
        self, waiter: Waiter, waiting: Iterable[Waiter], usable: Collection[Permits]
    ) -> None:
        """Send a job back if its accounts are busy and jobs of other accounts could run.

        Args:
            waiter: the job's call.
            waiting: the calls of this worker that wait for permits.
            usable: the accounts that have a usable route.

        Raises:
            Deferred: the job has its turn later.
        """
        own = {route.permits for route, _ in waiter.routes}
        if own.issuperset(usable):
            return
        alike = sum(
            not each.spare and any(route.permits in own for route, _ in each.routes)
            for each in waiting
        )
        seconds = self.turn(own, waiting=alike)
        if seconds is not None:
            names = ", ".join(sorted(each.account.name for each in own))
            reason = f"the limit of {names} is used up: the job has its turn later"
            raise Deferred(reason, seconds=seconds, code=Throttled.code)

    def turn(self, accounts: Collection[Permits], *, waiting: int) -> float | None:
        """Seconds until one more job of these accounts has its turn; None to keep it here.

        Args:
            accounts: the accounts that could serve the job.
            waiting: jobs in this worker that wait for a permit of these accounts.
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
