"""Whether a lease is certain enough for a call, which costs money."""

import asyncio
import math
import time
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, LedgerCallFailed, LedgerOperation
from rerankq.ledger.leases import Lease, Leases
from rerankq_worker.jobs.in_flight import InFlightJobs

RENEW_RETRY_SECONDS: Final = 0.5


class LeaseLostError(Exception):
    """The job is no longer this worker's."""


class CertainLeases:
    """Tells how certain this worker's leases are, and makes sure of those that are in doubt.

    Args:
        leases: the ledger, as this worker sees it.
        in_flight: the jobs that this worker holds.
        lease_seconds: how long a lease lasts without renewal.
        events: told when the ledger does not answer.
    """

    def __init__(
        self, leases: Leases, in_flight: InFlightJobs, *, lease_seconds: float, events: Events
    ) -> None:
        self._leases = leases
        self._in_flight = in_flight
        self._lease_seconds = lease_seconds
        self._events = events

    def is_certain(self, lease: Lease, sure_at: float) -> bool:
        """Whether a lease that was certain at that time certainly still lasts."""
        since = self._in_flight.sure_since(lease, sure_at)
        return time.monotonic() - since <= self._lease_seconds

    async def make_sure_of(self, lease: Lease, claimed_at: float) -> float:
        """Renew a lease that may have expired, or that Redis may have lost in an outage.

        A call costs money: none begins for a job that another worker may hold by now.

        Args:
            lease: the job.
            claimed_at: when its claim was sent. This time and the returned one are of the monotonic
                clock, in seconds.

        Returns:
            When the lease was last certain, by its claim or by a renewal of this lease alone.

        Raises:
            LeaseLostError: the lease is lost.
        """
        # A claim that was sent again after a lost answer began later than this, never earlier.
        sure_at = claimed_at
        while not self.is_certain(lease, sure_at):
            sure_at = time.monotonic()
            try:
                lost = await self._leases.renew([lease])
            except LedgerUnavailable as error:
                confirm = LedgerOperation.CONFIRM
                self._events.tell(LedgerCallFailed(operation=confirm, jobs=1, message=str(error)))
                sure_at = -math.inf
                await asyncio.sleep(RENEW_RETRY_SECONDS)
            else:
                if lost:
                    raise LeaseLostError
        return sure_at
