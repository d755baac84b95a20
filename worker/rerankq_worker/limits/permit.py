"""One permit, and what waits for permits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to begin one call.

    Attributes:
        tokens: the estimated cost of the call.
        probe: whether the call tests if an account that is out of use is well again.
        retry: whether it counts against the fleet's budget of retries.
        trial: whether the call tests if this worker is still cut off.
    """

    tokens: float
    probe: bool
    retry: bool = False
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Demand:
    """What waits for permits: calls, and their tokens."""

    calls: int
    tokens: float
