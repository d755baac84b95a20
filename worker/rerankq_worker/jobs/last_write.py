"""Writes a worker's last outcomes by connections of its own, before its process ends."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from rerankq.counting import counted
from rerankq.events import Events
from rerankq.ledger.leases import Leases
from rerankq_worker.jobs.completer import Completer, HandedOver
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.jobs.lease_keeper import keep_leases

log = logging.getLogger(__name__)


async def write_out(
    outcomes: Sequence[HandedOver],
    leases: Callable[[], AbstractAsyncContextManager[Leases]],
    *,
    lease_seconds: float,
    events: Events,
) -> None:
    """Write outcomes until the ledger has taken or refused each; renew their leases meanwhile.

    Args:
        outcomes: the outcomes of jobs.
        leases: opens the ledger on the event loop that this runs on.
        lease_seconds: how long a lease lasts without renewal.
        events: told which outcomes the ledger took.
    """
    if not outcomes:
        return
    log.warning("writing %s before this process ends", counted(len(outcomes), "outcome"))
    async with leases() as ledger:
        if await _is_settled(outcomes, ledger, lease_seconds, events):
            return
        # One outcome may be the cause: written one by one, the others are taken.
        for outcome in outcomes:
            if not await _is_settled([outcome], ledger, lease_seconds, events):
                log.critical("job %s: its outcome cannot be written", outcome[0].lease.job_id)


async def _is_settled(
    outcomes: Sequence[HandedOver], ledger: Leases, lease_seconds: float, events: Events
) -> bool:
    """Whether the ledger has taken or refused each outcome; false if the writing itself failed."""
    in_flight = InFlightJobs(len(outcomes))
    completer = Completer(ledger, in_flight, lease_seconds=lease_seconds, events=events)
    completer.hasten()
    ended = asyncio.create_task(asyncio.sleep(0))
    for outcome, event in outcomes:
        in_flight.add(outcome.lease, ended)
        completer.put(outcome, event)
    writing = asyncio.create_task(completer.run())
    keeping = asyncio.create_task(keep_leases(ledger, in_flight, lease_seconds=lease_seconds))
    emptied = asyncio.create_task(in_flight.emptied())
    await asyncio.wait({writing, emptied}, return_when=asyncio.FIRST_COMPLETED)
    is_settled = emptied.done()
    for task in (writing, keeping, emptied):
        task.cancel()
    await asyncio.gather(writing, keeping, emptied, return_exceptions=True)
    return is_settled
