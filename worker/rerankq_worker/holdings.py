"""The jobs in this worker's hands: each with its lease and the task that works on it."""

import asyncio
import math
from collections.abc import Container, Iterable
from functools import partial
from typing import Final

from rerankq.contract import MAX_HINT_JOBS
from rerankq.ledger.leases import Lease

MOST_UNWRITTEN: Final = 2 * MAX_HINT_JOBS
"""Ends that may wait to be written before no more jobs are taken; or as many as are worked on, if
that is more. Results take memory, and should the worker be killed their calls are made again."""


class Holdings:
    """Keeps count of the jobs held, and makes new ones wait while there are too many.

    Args:
        limit: jobs worked on from which on no more are taken. One message's worth is taken whole,
            so up to that many more can be held; they wait their turn under their leases.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._at_work: set[str] = set()
        self._held: dict[str, tuple[Lease, asyncio.Task[None]]] = {}
        self._stirred = asyncio.Event()
        self.renewed_at = -math.inf
        """When the last renewal that succeeded was sent, by the monotonic clock in seconds."""

    def room(self, appetite: int | None) -> int:
        """How many more jobs may be taken.

        Args:
            appetite: how many make sense in hand; None for as many as there may be.
        """
        at_work = len(self._at_work)
        if len(self._held) - at_work >= max(self._limit, MOST_UNWRITTEN):
            return 0
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
        self._at_work.add(lease.job_id)
        work.add_done_callback(partial(self._end_work, lease))

    def remove(self, leases: Iterable[Lease]) -> None:
        """Let jobs go: what became of them stands in the ledger."""
        for lease in leases:
            held = self._held.get(lease.job_id)
            # After a lost lease the same job may be here again, under a newer token.
            if held and held[0].token == lease.token:
                self._let_go(lease)
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
                self._let_go(lease)
                abandoned += 1
        self._stirred.set()
        return abandoned

    def interrupt(self, *, but: Container[asyncio.Task[None]] = ()) -> list[Lease]:
        """Stop all work but some; returns the leases of what was stopped.

        The jobs stay in hand until they are let go.
        """
        stopped = [
            (lease, work)
            for lease, work in self._held.values()
            if not work.done() and work not in but
        ]
        for _, work in stopped:
            work.cancel()
        return [lease for lease, _ in stopped]

    def stir(self) -> None:
        """Let whoever waits for room look again."""
        self._stirred.set()

    async def stirred(self) -> None:
        """Wait until there may be more room than now."""
        self._stirred.clear()
        await self._stirred.wait()

    def _end_work(self, lease: Lease, _: asyncio.Task[None]) -> None:
        held = self._held.get(lease.job_id)
        if held and held[0] is lease:
            self._at_work.discard(lease.job_id)
            if len(self._at_work) == self._limit - 1:
                # Its end is written a little later, but there is room from now on.
                self._stirred.set()

    def _let_go(self, lease: Lease) -> None:
        del self._held[lease.job_id]
        self._at_work.discard(lease.job_id)

    async def emptied(self) -> None:
        """Wait until no job is held."""
        while self._held:
            await self.stirred()
