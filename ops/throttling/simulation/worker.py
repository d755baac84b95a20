"""A worker with its real permits, and nothing to do but call."""

import asyncio
from random import Random
from typing import Final

from rerankq.accounts.accounts import Accounts, Allotment, Limits
from rerankq.contract import Lane
from rerankq_worker.limits.exchange import Exchange
from rerankq_worker.limits.permit import Demand, Permit
from rerankq_worker.limits.permits import Permits
from rerankq_worker.upstream.sites import Account, Key
from throttling.simulation.upstream import ModelUpstream

ARRIVAL_SECONDS: Final = (0.001, 0.003)
"""How long a call takes to arrive at the upstream: least and most."""
THROTTLED: Final = 429
FAILED: Final = 503
TIMER_SECONDS: Final = 0.0005
"""How late a timer is."""
ACCOUNT: Final = "account"
TOKENS: Final = 38
"""Tokens of a call on average; a call has from half to one and a half times as many."""


class Worker:
    """Calls as often as its permits allow, as long as it has work.

    Args:
        name: of the worker.
        accounts: in the Redis that all share.
        upstream: the upstream that it calls.
        limits: as far as they are known.
        lane: whose work it does.
        max_in_flight: its highest number of calls in flight.
        backlog: jobs that wait for it; `add` gives it more.
        chance: random numbers for the time that calls need to arrive.
    """

    def __init__(
        self,
        name: str,
        accounts: Accounts,
        upstream: ModelUpstream,
        *,
        limits: Limits,
        lane: Lane,
        max_in_flight: int,
        backlog: int,
        chance: Random,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._upstream = upstream
        self._max_in_flight = max_in_flight
        self._backlog = backlog
        self._chance = chance
        self._added: list[float] = []
        self._counts = limits.tpm is not None
        self.waits: list[float] = []
        """Seconds that each job which was added waited for its call to begin."""
        account = Account(ACCOUNT, (Key("key"),), limits)
        clock = self._loop.time
        self.permits = Permits(account, lane=lane, max_in_flight=max_in_flight, clock=clock)
        self.exchange = Exchange(
            accounts, self.permits, worker=name, demand=self._demand, heard=self._heard, clock=clock
        )

    def add(self) -> None:
        """A job arrives."""
        self._backlog += 1
        self._added.append(self._loop.time())
        self._pump()
        self.permits.reports.ask_soon()

    def _waiting(self) -> int:
        capacity = self.permits.capacity
        most = self._max_in_flight if capacity is None else min(self._max_in_flight, capacity)
        return max(0, min(self._backlog, most - self.permits.in_flight))

    def _demand(self) -> Demand:
        waiting = self._waiting()
        return Demand(waiting, waiting * TOKENS)

    def _heard(self, _: Allotment | None) -> None:
        self._pump()

    def _pump(self) -> None:
        while self._waiting() > 0 and (permit := self.permits.take(self._tokens(), retry=False)):
            self._backlog -= 1
            if self._added:
                self.waits.append(self._loop.time() - self._added.pop(0))
            self._loop.call_later(self._chance.uniform(*ARRIVAL_SECONDS), self._arrive, permit)
        if self._waiting() > 0 and (spaced := self.permits.spaced):
            self._loop.call_later(spaced + TIMER_SECONDS, self._on_time)

    def _tokens(self) -> int:
        return self._chance.randint(TOKENS // 2, TOKENS + TOKENS // 2) if self._counts else TOKENS

    def _on_time(self) -> None:
        if not self.permits.spaced:
            self._pump()

    def _arrive(self, permit: Permit) -> None:
        status, seconds = self._upstream.begin(permit.tokens)
        self._loop.call_later(seconds, self._answered, permit, status)

    def _answered(self, permit: Permit, status: int) -> None:
        self._upstream.end(status)
        if status == THROTTLED:
            self.permits.was_throttled(None)
        elif status == FAILED:
            self.permits.reports.had_trouble(1.0)
        else:
            self.permits.went_well(permit)
        self.permits.done(permit)
        # A call that was not served waits again.
        self._backlog += status != 200  # noqa: PLR2004  HTTP's
        self._pump()
