"""What is closed, as far as this worker has heard, and when it may be probed."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.ledger.accounts import Allotment
from rerankq.ledger.circuits import Circuit, Circuits, CircuitState

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

    def away_seconds(self, names: Sequence[str], model: str) -> float:
        """How long a job is sent away from a route; 0 when nothing on it is closed.

        Args:
            names: the circuits of the route.
            model: the circuit of the model there.
        """
        if model in self._closed:
            return min(max(self._due_in(model), GATED_SECONDS), MODEL_SECONDS)
        return GATED_SECONDS if self.shut(names) else 0.0

    def may_be_probed(self, names: Sequence[str]) -> bool:
        """Whether that is due for all of these closed circuits."""
        return all(self._due_in(each) == 0 for each in names)

    async def take_turns(self, names: Sequence[str]) -> bool:
        """Whether it is this worker's turn to probe all of these."""
        try:
            for name in names:
                if not await self._circuits.probe(name):
                    return False
        except LedgerUnavailable:
            # The job is not to blame: it goes by another route, or waits.
            return False
        return True

    def _due_in(self, name: str) -> float:
        """Seconds until a circuit may be probed; infinite for one that is only opened by hand."""
        circuit = self._closed[name]
        if circuit.every == 0:
            return math.inf
        now_ms = (time.monotonic() + self._clock_ahead) * 1000
        return max(0.0, (circuit.probe_at - now_ms) / 1000)
