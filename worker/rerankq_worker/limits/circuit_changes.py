"""Closes circuits for all workers, and opens them again; says so in the log."""

import logging

from rerankq.accounts.circuits import Circuits, CircuitState, Trip
from rerankq.errors import LedgerUnavailable
from rerankq_worker.limits.permits import Permits

log = logging.getLogger(__name__)


async def close(circuits: Circuits, permits: Permits, name: str, trip: Trip) -> CircuitState | None:
    """Close a circuit; None when it could not be, and so holds nobody up.

    Args:
        circuits: all of them, in Redis.
        permits: of the account that it belongs to; the next exchange tells what is closed.
        name: which one.
        trip: why, and when that is certain.
    """
    try:
        state = await circuits.trip(name, trip)
    except LedgerUnavailable as unavailable:
        log.warning("%s could not be closed for all workers: %s", name, unavailable)
        return None
    if state is None:
        log.warning("%s stays open (%s): too many circuits are closed", name, trip.code)
        return None
    # An operator is wanted: no job can do anything about it.
    level = logging.ERROR if state is CircuitState.PARKED else logging.WARNING
    log.log(level, "%s is %s (%s): %s", name, state, trip.code, trip.reason)
    permits.wanted()
    return state


async def reopen(circuits: Circuits, names: tuple[str, ...]) -> None:
    """Open circuits again, as an answer showed that they may be."""
    try:
        if await circuits.reopen(*names):
            log.warning("open again: %s", ", ".join(names))
    except LedgerUnavailable as unavailable:
        log.warning("%s could not be opened: %s", ", ".join(names), unavailable)
