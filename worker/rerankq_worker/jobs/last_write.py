"""Writes what a worker has finished, by connections of its own, before its process goes."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from rerankq.ledger.leases import Leases
from rerankq_worker.jobs.completer import Outcome, ResultWriter
from rerankq_worker.jobs.in_flight import Holdings
from rerankq_worker.jobs.lease_keeper import keep_leases

log = logging.getLogger(__name__)


async def write_out(
    outcomes: Sequence[Outcome],
    leases: Callable[[], AbstractAsyncContextManager[Leases]],
    *,
    lease_seconds: float,
) -> None:
    """Offer them until the ledger has taken or refused each; their leases are kept meanwhile.

    Args:
        outcomes: what became of jobs.
        leases: opens the ledger on the event loop that this runs on.
        lease_seconds: how long a lease lasts without renewal.
    """
    if not outcomes:
        return
    log.warning("writing %d outcomes before this process goes", len(outcomes))
    async with leases() as ledger:
        if await _is_settled(outcomes, ledger, lease_seconds):
            return
        # Whatever it is that cannot be written: the others are taken without it.
        for outcome in outcomes:
            if not await _is_settled([outcome], ledger, lease_seconds):
                log.critical("job %s: its end cannot be written", outcome.lease.job_id)


async def _is_settled(outcomes: Sequence[Outcome], ledger: Leases, lease_seconds: float) -> bool:
    """Whether the ledger has taken or refused each; not so where the writing itself fails."""
    holdings = Holdings(len(outcomes))
    writer = ResultWriter(ledger, holdings, lease_seconds=lease_seconds)
    writer.hasten()
    ended = asyncio.create_task(asyncio.sleep(0))
    for outcome in outcomes:
        holdings.add(outcome.lease, ended)
        writer.put(outcome)
    writing = asyncio.create_task(writer.run())
    keeping = asyncio.create_task(keep_leases(ledger, holdings, lease_seconds=lease_seconds))
    emptied = asyncio.create_task(holdings.emptied())
    await asyncio.wait({writing, emptied}, return_when=asyncio.FIRST_COMPLETED)
    is_settled = emptied.done()
    for task in (writing, keeping, emptied):
        task.cancel()
    await asyncio.gather(writing, keeping, emptied, return_exceptions=True)
    return is_settled
