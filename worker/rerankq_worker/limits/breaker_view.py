"""Which breakers are open, as far as this worker knows, and when each may be probed."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.breakers import BreakerState, SharedBreakers, TrippedBreaker
from rerankq.accounts.scripts import NONSENSE_SCORES
from rerankq.errors import LedgerUnavailable
from rerankq_worker.upstream.errors import Deferred, ModelUnavailable, OutOfCredit

OPEN_BREAKER_SECONDS: Final = 1.0
"""How long a job waits when no route is usable. Until one is, this worker claims no more jobs."""
MODEL_SECONDS: Final = 60.0
"""The longest wait of jobs whose model's breaker is open: this worker goes on claiming such jobs,
as jobs of other models can run."""


class BreakerView:
    """The breakers that were open at the last exchange, by name.

    Args:
        shared: all breakers, in Redis.
    """

    def __init__(self, shared: SharedBreakers) -> None:
        self._shared = shared
        self._tripped: Mapping[str, TrippedBreaker] = {}
        self._clock_ahead = 0.0
        self._turns: dict[str, float] = {}

    def __bool__(self) -> bool:
        """Whether any breaker is open."""
        return bool(self._tripped)

    def hear(self, allotment: Allotment) -> None:
        """Keep what an exchange returned."""
        self._tripped = allotment.tripped
        self._clock_ahead = allotment.now / 1000 - time.monotonic()

    def tripped_among(self, names: Sequence[str]) -> tuple[str, ...]:
        """The breakers among these that are open."""
        return tuple(each for each in names if each in self._tripped)

    def doubted(self, names: Sequence[str]) -> tuple[str, ...]:
        """The breakers that are open on suspicion: a good answer to any call closes them."""
        tripped = self.tripped_among(names)
        return tuple(each for each in tripped if self._tripped[each].state is BreakerState.DOUBTED)

    def without_billing(self, names: Sequence[str]) -> tuple[str, ...]:
        """The breakers that are not open because an account is empty.

        Gateways check the request before the balance, so a refused request proves nothing about
        the balance.
        """
        return tuple(
            each
            for each in names
            if each not in self._tripped or self._tripped[each].code != OutOfCredit.code
        )

    def barrier(
        self, names: Sequence[str], model: str, checked: str | None = None
    ) -> Deferred | None:
        """Why a job cannot use a route, and how long it waits; None when no breaker is open.

        Args:
            names: the route's breakers.
            model: the breaker of the model at this site.
            checked: a breaker that does not count, because the call finds out whether it may close.
        """
        tripped = tuple(each for each in self.tripped_among((model, *names)) if each != checked)
        if not tripped:
            return None
        seconds = OPEN_BREAKER_SECONDS
        if model in tripped:
            seconds = min(max(self._due_in(model), OPEN_BREAKER_SECONDS), MODEL_SECONDS)
        breaker = self._tripped[tripped[0]]
        # A wrong model name will not become right, so the job's age counts while it waits; but not
        # while another breaker of the route is open too.
        missing = breaker.code == ModelUnavailable.code and breaker.state is BreakerState.PARKED
        ages = missing and tripped == (model,)
        reason = breaker.reason
        if breaker.state is BreakerState.PAUSED:
            # An operator's reason may be any text: it need not say that the account is paused.
            reason = f"the account is paused: {reason}"
        return Deferred(reason, seconds=seconds, code=breaker.code, ages=ages)

    def gives_nonsense(self, model: str) -> bool:
        """Whether a model's breaker is open because of its scores."""
        breaker = self._tripped.get(model)
        return breaker is not None and breaker.code == NONSENSE_SCORES

    def may_be_probed(self, names: Sequence[str]) -> bool:
        """Whether a job may probe all of these open breakers now."""
        if any(self._tripped[each].code == NONSENSE_SCORES for each in names):
            return False
        return self._has_turns(names) or all(self._due_in(each) == 0 for each in names)

    async def take_turns(self, names: Sequence[str]) -> bool:
        """Ask Redis for the turn to probe all of these; returns whether this worker has it."""
        if self._has_turns(names):
            for each in names:
                del self._turns[each]
            return True
        try:
            ours = await self._shared.probe(*names)
        except LedgerUnavailable:
            # The job goes by another route, or waits.
            return False
        # The turn is taken, by this worker or another one. No job is claimed for a probe until the
        # next exchange tells when the next one is due.
        now_ms = self._now_ms()
        self._tripped = {
            name: replace(each, probe_at=now_ms + each.every)
            if name in names and each.probe_at <= now_ms
            else each
            for name, each in self._tripped.items()
        }
        return ours

    def put_back(self, names: Sequence[str]) -> None:
        """Keep turns for this worker's next job: Redis gave them, but no call was made.

        Each is kept until the next one is due, which any worker may take.
        """
        now = time.monotonic()
        self._turns |= {
            each: now + self._tripped[each].every / 1000 for each in names if each in self._tripped
        }

    def _has_turns(self, names: Sequence[str]) -> bool:
        """Whether all these turns were put back, and none has expired."""
        if not self._turns:
            return False
        now = time.monotonic()
        self._turns = {name: until for name, until in self._turns.items() if now < until}
        return all(each in self._turns for each in names)

    def _due_in(self, name: str) -> float:
        """Seconds until a breaker may be probed; infinite for one that only an operator closes."""
        breaker = self._tripped[name]
        if breaker.every == 0:
            return math.inf
        return max(0.0, (breaker.probe_at - self._now_ms()) / 1000)

    def _now_ms(self) -> float:
        """Redis' clock in ms."""
        return (time.monotonic() + self._clock_ahead) * 1000
