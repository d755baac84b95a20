"""Renews the leases of all jobs that this worker holds, in one call."""

import asyncio
import time
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, JobRef, JobRevoked, LedgerCallFailed, LedgerOperation
from rerankq.ledger.leases import Leases
from rerankq_worker.jobs.in_flight import InFlightJobs

RENEWALS_A_LEASE: Final = 4


async def keep_leases(
    leases: Leases, in_flight: InFlightJobs, *, lease_seconds: float, events: Events | None = None
) -> None:
    """Renew until cancelled; abandon the jobs that have ended or that another worker holds.

    A failed renewal does not stop the work, as the fencing token decides at the end. But a call
    that has not begun waits until the ledger has confirmed its lease.
    """
    events = events or Events()
    while True:
        await asyncio.sleep(lease_seconds / RENEWALS_A_LEASE)
        held = in_flight.leases()
        if not held:
            continue
        sent_at = time.monotonic()
        try:
            lost = await leases.renew(held)
        except LedgerUnavailable as error:
            in_flight.doubt()
            renew = LedgerOperation.RENEW
            events.tell(LedgerCallFailed(operation=renew, jobs=len(held), message=str(error)))
            continue
        in_flight.renewed((lease for lease in held if lease.job_id not in lost), sent_at)
        abandoned = in_flight.abandon(lease for lease in held if lease.job_id in lost)
        if JobRevoked in events.wanted:
            for lease in abandoned:
                events.tell(JobRevoked(job=JobRef(lease.job_id)))
