"""The jobs in this worker's hands: each with its lease and the task that works on it."""

import asyncio
import math
from collections.abc import Iterable

from rerankq.contract import MAX_HINT_JOBS
from rerankq.ledger.leases import Lease


class Holdings:
    """Keeps count of the jobs held, and makes new ones wait while there are too many.

    Args:
        limit: jobs held from which on no more are taken. One message's worth is taken whole,
            so up to that many more can be held; they wait their turn under their leases.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[str, tuple[Lease, asyncio.Task[None]]] = {}
        self._stirred = asyncio.Event()
        self.renewed_at = -math.inf
        """When the last renewal that succeeded was sent, by the monotonic clock in seconds."""

    def room(self, appetite: int | None) -> int:
        """How many more jobs may be taken.

        Args:
            appetite: how many make sense in hand; None for as many as there may be.
        """
        held = len(self._held)
        if appetite is None:
            return MAX_HINT_JOBS if held < self._limit else 0
        return max(0, min(self._limit, appetite) - held)

    def leases(self) -> list[Lease]:
        """The leases held."""
        return [lease for lease, _ in self._held.values()]

    def add(self, lease: Lease, work: asyncio.Task[None]) -> None:
        """Take a job; work on it under an older lease is stopped."""
        before = self._held.get(lease.job_id)
        if before:
            before[1].cancel()
        self._held[lease.job_id] = lease, work

    def remove(self, leases: Iterable[Lease]) -> None:
        """Let jobs go: what became of them stands in the ledger."""
        for lease in leases:
            held = self._held.get(lease.job_id)
            # After a lost lease the same job may be here again, under a newer token.
            if held and held[0].token == lease.token:
                del self._held[lease.job_id]
        self._stirred.set()

    def abandon(self, leases: Iterable[Lease]) -> int:
        """Stop working under leases that were lost; returns how many those were."""
        abandoned = 0
        for lease in leases:
            held, work = self._held.get(lease.job_id, (None, None))
            # The job may have come back under a newer lease; and work that is done left an
            # outcome, which the writer has under way.
            if held and work and held.token == lease.token and not work.done():
                work.cancel()
                del self._held[lease.job_id]
                abandoned += 1
        self._stirred.set()
        return abandoned

    def interrupt(self) -> list[Lease]:
        """Stop all work; the jobs stay in hand until they are let go. Returns their leases."""
        for _, work in self._held.values():
            work.cancel()
        return self.leases()

    def stir(self) -> None:
        """Let whoever waits for room look again."""
        self._stirred.set()

    async def stirred(self) -> None:
        """Wait until there may be more room than now."""
        self._stirred.clear()
        await self._stirred.wait()

    async def emptied(self) -> None:
        """Wait until no job is held."""
        while self._held:
            await self.stirred()
