"""Opens and closes breakers for all workers, and tells the listeners."""

from typing import Final

from rerankq.accounts.breakers import BreakerState, Opened, Trip
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

MOST_TOLD: Final = 500
"""How many breakers a worker remembers to have told of; more are told again."""


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
        opened = await breakers.shared.trip(name, trip)
    except LedgerUnavailable as error:
        _tell_of_failure(breakers.events, LedgerOperation.OPEN_BREAKER, name, error)
        return None
    if opened is None:
        breakers.events.tell(BreakerNotOpened(breaker=name, reason=trip.code))
        return None
    # Calls under way together fail together: the first of them tells it.
    if breakers.told.get(name) != (opened, trip.code):
        _remember(breakers, name, (opened, trip.code))
        breakers.events.tell(
            BreakerOpened(breaker=name, state=opened.state, reason=trip.code, message=trip.reason)
        )
    permits.reports.ask_soon()
    return opened.state


async def close_breaker(breakers: Breakers, names: tuple[str, ...]) -> None:
    """Close breakers, because an answer showed that what they guard is well."""
    try:
        if await breakers.shared.reset(*names):
            for name in names:
                breakers.told.pop(name, None)
                breakers.events.tell(BreakerClosed(breaker=name))
    except LedgerUnavailable as error:
        _tell_of_failure(breakers.events, LedgerOperation.CLOSE_BREAKER, ", ".join(names), error)


def _remember(breakers: Breakers, name: str, told: tuple[Opened, str]) -> None:
    if len(breakers.told) >= MOST_TOLD:
        breakers.told.clear()
    breakers.told[name] = told


def _tell_of_failure(
    events: Events, operation: LedgerOperation, subject: str, error: LedgerUnavailable
) -> None:
    events.tell(LedgerCallFailed(operation=operation, subject=subject, message=str(error)))
