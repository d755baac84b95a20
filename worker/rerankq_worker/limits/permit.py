"""One permit, and what waits for permits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to begin one call.

    Attributes:
        tokens: what it was reckoned to cost.
        probe: whether it is to find out if a closed account is well again.
        retry: whether it is one of the fleet's budget of retries.
        trial: whether it is to find out if this worker is still cut off.
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
