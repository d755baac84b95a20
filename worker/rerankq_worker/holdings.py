"""The jobs in this worker's hands: each with its lease and the task that works on it."""

import asyncio
import math
from collections.abc import Iterable
from typing import Final

from rerankq.contract import MAX_HINT_JOBS
from rerankq.ledger.leases import Lease

AHEAD: Final = 0.25
"""Of the calls that can be under way: so many more jobs are in hand, to be begun while ends are
written and the next jobs are claimed."""


class Holdings:
    """Keeps count of the jobs held, and makes new ones wait while there are too many.

    Args:
        max_in_flight: calls that can be under way at once. So many jobs and `AHEAD` more are taken,
            and of the last message all: these wait their turn under their leases.
    """

    def __init__(self, max_in_flight: int) -> None:
        self._limit = max_in_flight + int(AHEAD * max_in_flight)
        self._held: dict[str, tuple[Lease, asyncio.Task[None]]] = {}
        self._stirred = asyncio.Event()
        self.renewed_at = -math.inf
        """When the last renewal that succeeded was sent, by the monotonic clock in seconds."""

    def room(self, appetite: int | None) -> int:
        """How many more jobs may be taken.

        Args:
            appetite: how many make sense in hand; None for as many as there may be.
        """
        # Those whose ends are about to be written want no call any more.
        at_work = sum(not work.done() for _, work in self._held.values())
        if appetite is None:
            return MAX_HINT_JOBS if at_work < self._limit else 0
        return max(0, min(self._limit, appetite) - at_work)

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
