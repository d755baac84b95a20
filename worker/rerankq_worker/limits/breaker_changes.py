"""Opens and closes breakers for all workers, and tells the listeners."""

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
    """Open a breaker; None when that failed: the breaker then blocks no job.

    Args:
        breakers: the breakers of this worker.
        permits: of the breaker's account; its next exchange returns which breakers are open.
        name: the breaker.
        trip: why, and after how many failures that is certain.
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
    permits.reports.ask_soon()
    return state


async def close_breaker(breakers: Breakers, names: tuple[str, ...]) -> None:
    """Close breakers, because an answer showed that what they guard is well."""
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
