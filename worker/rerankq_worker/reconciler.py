"""Announces again what fell on the floor: expired leases, due retries, lost hints."""

import asyncio
import logging

from rerankq.announce import Announcer
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.sweep import SWEEP_SECONDS, Sweep

log = logging.getLogger(__name__)


async def reconcile(sweep: Sweep, announcer: Announcer) -> None:
    """Sweep until cancelled. Any number of workers may do so at once."""
    while True:
        try:
            for lane, job_ids in (await sweep.tick()).items():
                log.debug("announcing %d %s jobs again", len(job_ids), lane)
                # A hint that cannot be published now is found missing by a later sweep.
                await asyncio.to_thread(announcer.announce, lane, job_ids, again=True)
        except LedgerUnavailable as error:
            log.warning("no sweep: %s", error)
        await asyncio.sleep(SWEEP_SECONDS)
