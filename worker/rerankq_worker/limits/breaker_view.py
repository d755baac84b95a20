"""What is closed, as far as this worker has heard, and when it may be probed."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.breakers import BreakerState, SharedBreakers, TrippedBreaker
from rerankq.errors import LedgerUnavailable
from rerankq_worker.upstream.errors import Deferred, ModelUnavailable, OutOfCredit

OPEN_BREAKER_SECONDS: Final = 1.0
"""How long a job is sent away when everything is closed: then it stays in the queue until not."""
MODEL_SECONDS: Final = 60.0
"""The longest that jobs of a closed model are sent away: nothing else holds them back."""


class BreakerView:
    """The circuits that were closed at the last exchange, by name.

    Args:
        shared: all of them, in Redis.
    """

    def __init__(self, shared: SharedBreakers) -> None:
        self._shared = shared
        self._tripped: Mapping[str, TrippedBreaker] = {}
        self._clock_ahead = 0.0
        self._turns: dict[str, float] = {}

    def __bool__(self) -> bool:
        """Whether anything is closed."""
        return bool(self._tripped)

    def hear(self, allotment: Allotment) -> None:
        """Take note of what an exchange told."""
        self._tripped = allotment.tripped
        self._clock_ahead = allotment.now / 1000 - time.monotonic()

    def tripped_among(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of these circuits that are closed."""
        return tuple(each for each in names if each in self._tripped)

    def doubted(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those that a good answer clears of doubt."""
        tripped = self.tripped_among(names)
        return tuple(each for each in tripped if self._tripped[each].state is BreakerState.DOUBTED)

    def without_billing(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those that are not closed because an account is empty.

        Gateways look at the request first, and at the balance after: one that was refused proves
        nothing of that.
        """
        return tuple(
            each
            for each in names
            if each not in self._tripped or self._tripped[each].code != OutOfCredit.code
        )

    def barrier(self, names: Sequence[str], model: str) -> Deferred | None:
        """What sends a job away from a route, and for how long; None when nothing is closed.

        Args:
            names: the circuits of the route.
            model: the circuit of the model there.
        """
        tripped = self.tripped_among((model, *names))
        if not tripped:
            return None
        seconds = OPEN_BREAKER_SECONDS
        if model in self._tripped:
            seconds = min(max(self._due_in(model), OPEN_BREAKER_SECONDS), MODEL_SECONDS)
        breaker = self._tripped[tripped[0]]
        # A wrong name never comes right. What else is closed is waited for first.
        missing = breaker.code == ModelUnavailable.code and breaker.state is BreakerState.PARKED
        ages = missing and tripped == (model,)
        return Deferred(breaker.reason, seconds=seconds, code=breaker.code, ages=ages)

    def may_be_probed(self, names: Sequence[str]) -> bool:
        """Whether that is due for all of these closed circuits."""
        return self._has_turns(names) or all(self._due_in(each) == 0 for each in names)

    async def take_turns(self, names: Sequence[str]) -> bool:
        """Whether it is this worker's turn to probe all of these."""
        if self._has_turns(names):
            for each in names:
                del self._turns[each]
            return True
        try:
            ours = await self._shared.probe(*names)
        except LedgerUnavailable:
            # The job is not to blame: it goes by another route, or waits.
            return False
        # Whoever has the turn, it is taken: until the next exchange says when the next is due, no
        # job is claimed for it.
        now_ms = self._now_ms()
        self._tripped = {
            name: replace(each, probe_at=now_ms + each.every)
            if name in names and each.probe_at <= now_ms
            else each
            for name, each in self._tripped.items()
        }
        return ours

    def put_back(self, names: Sequence[str]) -> None:
        """Keep turns for the next job here: they were taken in Redis, and no call was made by them.

        Each lasts until the next one is due there, which may be anybody's.
        """
        now = time.monotonic()
        self._turns |= {
            each: now + self._tripped[each].every / 1000 for each in names if each in self._tripped
        }

    def _has_turns(self, names: Sequence[str]) -> bool:
        """Whether all these turns were put back here, and none is over."""
        if not self._turns:
            return False
        now = time.monotonic()
        self._turns = {name: until for name, until in self._turns.items() if now < until}
        return all(each in self._turns for each in names)

    def _due_in(self, name: str) -> float:
        """Seconds until a circuit may be probed; infinite for one that is only opened by hand."""
        breaker = self._tripped[name]
        if breaker.every == 0:
            return math.inf
        return max(0.0, (breaker.probe_at - self._now_ms()) / 1000)

    def _now_ms(self) -> float:
        """Redis' clock."""
        return (time.monotonic() + self._clock_ahead) * 1000
