"""Closes circuits for all workers, and opens them again; tells of it."""

from rerankq.accounts.breakers import BreakerState, Trip
from rerankq.errors import LedgerUnavailable
from rerankq.events import (
    BreakerClosed,
    BreakerNotOpened,
    BreakerOpened,
    Events,
    LedgerCallFailed,
    LedgerOperation,
)
from rerankq_worker.limits.breakers import Breakers
from rerankq_worker.limits.permits import Permits


async def open_breaker(
    breakers: Breakers, permits: Permits, name: str, trip: Trip
) -> BreakerState | None:
    """Close a circuit; None when it could not be, and so holds nobody up.

    Args:
        breakers: what is closed.
        permits: of the account that it belongs to; the next exchange tells what is closed.
        name: which one.
        trip: why, and when that is certain.
    """
    try:
        state = await breakers.shared.trip(name, trip)
    except LedgerUnavailable as error:
        _tell_of_failure(breakers.events, LedgerOperation.OPEN_BREAKER, name, error)
        return None
    if state is None:
        breakers.events.tell(BreakerNotOpened(breaker=name, reason=trip.code))
        return None
    opened = BreakerOpened(breaker=name, state=state, reason=trip.code, message=trip.reason)
    breakers.events.tell(opened)
    permits.wanted()
    return state


async def close_breaker(breakers: Breakers, names: tuple[str, ...]) -> None:
    """Open circuits again, as an answer showed that they may be."""
    try:
        if await breakers.shared.reset(*names):
            for name in names:
                breakers.events.tell(BreakerClosed(breaker=name))
    except LedgerUnavailable as error:
        _tell_of_failure(breakers.events, LedgerOperation.CLOSE_BREAKER, ", ".join(names), error)


def _tell_of_failure(
    events: Events, operation: LedgerOperation, subject: str, error: LedgerUnavailable
) -> None:
    events.tell(LedgerCallFailed(operation=operation, subject=subject, message=str(error)))
