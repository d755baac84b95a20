"""What is closed, as far as this worker has heard, and when it may be probed."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from rerankq.accounts.accounts import Allotment
from rerankq.accounts.circuits import Circuit, Circuits, CircuitState
from rerankq.errors import LedgerUnavailable
from rerankq_worker.upstream.errors import Deferred, ModelUnavailable, OutOfCredit

GATED_SECONDS: Final = 1.0
"""How long a job is sent away when everything is closed: then it stays in the queue until not."""
MODEL_SECONDS: Final = 60.0
"""The longest that jobs of a closed model are sent away: nothing else holds them back."""


class Closures:
    """The circuits that were closed at the last exchange, by name.

    Args:
        circuits: all of them, in Redis.
    """

    def __init__(self, circuits: Circuits) -> None:
        self._circuits = circuits
        self._closed: Mapping[str, Circuit] = {}
        self._clock_ahead = 0.0
        self._turns: dict[str, float] = {}

    def __bool__(self) -> bool:
        """Whether anything is closed."""
        return bool(self._closed)

    def hear(self, allotment: Allotment) -> None:
        """Take note of what an exchange told."""
        self._closed = allotment.closed
        self._clock_ahead = allotment.now / 1000 - time.monotonic()

    def shut(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of these circuits that are closed."""
        return tuple(each for each in names if each in self._closed)

    def doubted(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those that a good answer clears of doubt."""
        shut = self.shut(names)
        return tuple(each for each in shut if self._closed[each].state is CircuitState.DOUBTED)

    def without_billing(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those that are not closed because an account is empty.

        Gateways look at the request first, and at the balance after: one that was refused proves
        nothing of that.
        """
        return tuple(
            each
            for each in names
            if each not in self._closed or self._closed[each].code != OutOfCredit.code
        )

    def barrier(self, names: Sequence[str], model: str) -> Deferred | None:
        """What sends a job away from a route, and for how long; None when nothing is closed.

        Args:
            names: the circuits of the route.
            model: the circuit of the model there.
        """
        closed = self.shut((model, *names))
        if not closed:
            return None
        seconds = GATED_SECONDS
        if model in self._closed:
            seconds = min(max(self._due_in(model), GATED_SECONDS), MODEL_SECONDS)
        circuit = self._closed[closed[0]]
        # A wrong name never comes right. What else is closed is waited for first.
        missing = circuit.code == ModelUnavailable.code and circuit.state is CircuitState.PARKED
        ages = missing and closed == (model,)
        return Deferred(circuit.reason, seconds=seconds, code=circuit.code, ages=ages)

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
            ours = await self._circuits.probe(*names)
        except LedgerUnavailable:
            # The job is not to blame: it goes by another route, or waits.
            return False
        # Whoever has the turn, it is taken: until the next exchange says when the next is due, no
        # job is claimed for it.
        now_ms = self._now_ms()
        self._closed = {
            name: replace(each, probe_at=now_ms + each.every)
            if name in names and each.probe_at <= now_ms
            else each
            for name, each in self._closed.items()
        }
        return ours

    def put_back(self, names: Sequence[str]) -> None:
        """Keep turns for the next job here: they were taken in Redis, and no call was made by them.

        Each lasts until the next one is due there, which may be anybody's.
        """
        now = time.monotonic()
        self._turns |= {
            each: now + self._closed[each].every / 1000 for each in names if each in self._closed
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
        circuit = self._closed[name]
        if circuit.every == 0:
            return math.inf
        return max(0.0, (circuit.probe_at - self._now_ms()) / 1000)

    def _now_ms(self) -> float:
        """Redis' clock."""
        return (time.monotonic() + self._clock_ahead) * 1000
