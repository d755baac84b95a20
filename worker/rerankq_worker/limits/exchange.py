"""Fetches permits of one account from Redis, and reports what happened to the last ones."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

from rerankq.accounts.accounts import Accounts, Allotment
from rerankq.accounts.breakers import account_breaker
from rerankq.errors import LedgerUnavailable
from rerankq.events import (
    BreakerClosed,
    BreakerOpened,
    Events,
    LedgerCallFailed,
    LedgerOperation,
    LimitFound,
    LimitsDiffer,
)
from rerankq_worker.limits.permit import Demand
from rerankq_worker.limits.permits import Permits

SOON_SECONDS: Final = 0.02
"""Between two exchanges when Redis gave all permits that were wanted, and they are used up."""
URGENT_SECONDS: Final = 0.05
"""Between two exchanges when there is trouble to report."""
LOOK_SECONDS: Final = 2.0
"""The longest time until a worker with waiting jobs asks whether its account is usable again, and
until a worker with slots shows that it is alive: less than `GONE_MS` of `allot/account.lua`."""
VERDICT_SECONDS: Final = 0.25
"""Between two exchanges while workers find out which of them a key is refused to."""
AWAY_SECONDS: Final = 0.5
LEAVE_SECONDS: Final = 1.0


class Exchange:
    """Keeps this worker's permits and the account in Redis up to date with each other.

    Args:
        accounts: the accounts in Redis.
        permits: the permits that this worker holds.
        worker: this worker's name.
        demand: what waits for permits.
        heard: called after each exchange, with the answer if Redis gave one.
        clock: a monotonic clock in seconds; `time.monotonic` if None.
        events: told how the account's state and limits change.
        asked_at: when the last exchange was, by that clock.
    """

    def __init__(
        self,
        accounts: Accounts,
        permits: Permits,
        *,
        worker: str,
        demand: Callable[[], Demand],
        heard: Callable[[Allotment | None], None],
        clock: Callable[[], float] | None = None,
        events: Events | None = None,
        asked_at: float = -math.inf,
    ) -> None:
        self._accounts = accounts
        self._permits = permits
        self._account = permits.account
        self._worker = worker
        self._demand = demand
        self._heard = heard
        self._events = events or Events()
        self._clock = clock or time.monotonic
        self._asked_at = asked_at
        self._away = False
        self._differs = False
        self._news = asyncio.Event()
        self._next = -math.inf
        permits.reports.ask_soon = self._look

    async def run(self) -> None:
        """Fetch permits as they are needed, until cancelled."""
        while True:
            await self._until_due()
            await self.ask()

    async def leave(self) -> None:
        """Give the remaining permits back, when no more calls will begin."""
        told = self._permits.report(Demand(0, 0))
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._accounts.exchange(
                    self._account.name, self._worker, self._account.limits, told
                )
        except (LedgerUnavailable, TimeoutError) as error:
            self._tell_of_failure(LedgerOperation.RETURN_PERMITS, error)

    def _look(self) -> None:
        """Check whether the next exchange should come sooner. Runs at each call: keep it cheap."""
        if self._next > self._clock() + URGENT_SECONDS and self.due() < self._next:
            self._news.set()

    async def _until_due(self) -> None:
        while True:
            self._news.clear()
            self._next = self.due()
            wait = self._next - self._clock()
            if wait <= 0:
                return
            try:
                async with asyncio.timeout(wait if wait < math.inf else None):
                    await self._news.wait()
            except TimeoutError:
                continue

    def due(self) -> float:
        """When to ask next, by the monotonic clock in seconds."""
        if self._permits.cut_off and not self._permits.reports.urgent:
            if self._permits.isolation.trial_due and not self._permits.ready:
                return self._asked_at + URGENT_SECONDS
            # Only to show that this worker is alive and still cut off.
            return self._asked_at + LOOK_SECONDS
        waiting = self._demand().calls > 0
        if self._permits.suspicions.pending and not self._away:
            return self._asked_at + VERDICT_SECONDS
        if waiting or self._permits.reports.unreported:
            return self._asked_at + self._pause(waiting=waiting)
        return self._asked_at + LOOK_SECONDS if self._permits.holds_slots else math.inf

    def _pause(self, *, waiting: bool) -> float:
        """Seconds between the last exchange and the next."""
        last, permits = self._permits.status.last, self._permits
        if self._away:
            return AWAY_SECONDS
        if last is None:
            return 0.0
        if permits.reports.urgent:
            return URGENT_SECONDS
        if waiting and not permits.status.is_usable:
            return min(max(last.wait_ms / 1000, URGENT_SECONDS), LOOK_SECONDS)
        is_used_up = waiting and not permits.ready and not permits.scarce
        if is_used_up or permits.is_turn_over(waiting=waiting):
            return SOON_SECONDS
        return last.ask_ms / 1000

    async def ask(self) -> None:
        """Make one exchange."""
        told = self._permits.report(self._demand())
        asked_before, self._asked_at = self._asked_at, self._clock()
        try:
            allotment = await self._accounts.exchange(
                self._account.name, self._worker, self._account.limits, told
            )
        except LedgerUnavailable as error:
            self._tell_of_failure(LedgerOperation.EXCHANGE_PERMITS, error)
            self._away = True
            elapsed = self._asked_at - asked_before
            self._permits.live_on_little(told, elapsed, may_be_told=error.uncertain)
            self._heard(None)
            return
        self._away = False
        self._tell_of_changes(allotment)
        self._permits.receive(allotment)
        self._heard(allotment)

    def _tell_of_changes(self, allotment: Allotment) -> None:
        before, name = self._permits.status.last, self._account.name
        if allotment.mode != (before.mode if before else "open"):
            breaker = account_breaker(name)
            if allotment.mode == "open":
                self._events.tell(BreakerClosed(breaker=breaker))
            else:
                state, reason = allotment.mode, allotment.cause
                self._events.tell(BreakerOpened(breaker=breaker, state=state, reason=reason))
        in_force, own = allotment.limits.known(), self._account.limits.known()
        if allotment.limited and not in_force and before and not before.limited:
            found = LimitFound(account=name, rate=allotment.rate, slots=allotment.slots)
            self._events.tell(found)
        if in_force != own and not self._differs:
            self._differs = True
            self._events.tell(LimitsDiffer(account=name, in_force=in_force, own=own))

    def _tell_of_failure(self, operation: LedgerOperation, error: Exception) -> None:
        name = self._account.name
        self._events.tell(
            LedgerCallFailed(operation=operation, subject=name, message=str(error) or "no answer")
        )
