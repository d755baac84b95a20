"""Keeps the leases of the jobs in hand alive: one call for all of them."""

import asyncio
import logging
import time
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.ledger.leases import Leases
from rerankq_worker.jobs.in_flight import Holdings

log = logging.getLogger(__name__)

RENEWALS_A_LEASE: Final = 4


async def keep_leases(leases: Leases, holdings: Holdings, *, lease_seconds: float) -> None:
    """Renew until cancelled; abandon the jobs that somebody else holds now, or that ended.

    A failed renewal is no reason to stop the work: the fencing token decides at the end. But a call
    that has not begun waits until the ledger has confirmed its lease.
    """
    while True:
        await asyncio.sleep(lease_seconds / RENEWALS_A_LEASE)
        held = holdings.leases()
        if not held:
            continue
        sent_at = time.monotonic()
        try:
            lost = await leases.renew(held)
        except LedgerUnavailable as error:
            holdings.doubt()
            log.warning("leases of %d jobs not renewed: %s", len(held), error)
            continue
        holdings.renewed((lease for lease in held if lease.job_id not in lost), sent_at)
        abandoned = holdings.abandon(lease for lease in held if lease.job_id in lost)
        if abandoned:
            log.info("%d jobs were cancelled, or lost to another worker", abandoned)
