"""The jobs in this worker's hands: each with its lease and the task that works on it."""

import asyncio
import math
import time
from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from rerankq.contract import MAX_HINT_JOBS
from rerankq.ledger.leases import Lease

MOST_UNWRITTEN: Final = 2 * MAX_HINT_JOBS
"""Ends that may wait to be written before no more jobs are taken; or as many as are worked on, if
that is more. Results take memory, and should the worker be killed their calls are made again."""


@dataclass(slots=True)
class _Held:
    """A job in hand.

    Attributes:
        renewed_at: when the last renewal of this very lease that succeeded was sent, by the
            monotonic clock in seconds.
    """

    lease: Lease
    work: asyncio.Task[None]
    renewed_at: float = -math.inf


class InFlightJobs:
    """Keeps count of the jobs held, and makes new ones wait while there are too many.

    Args:
        limit: jobs worked on from which on no more are taken. One message's worth is taken whole,
            so up to that many more can be held; they wait their turn under their leases.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._at_work: set[str] = set()
        self._held: dict[str, _Held] = {}
        self._stirred = asyncio.Event()
        self._doubted_at = -math.inf

    def free_capacity(self, capacity: int | None) -> int:
        """How many more jobs may be taken.

        Args:
            capacity: how many make sense in hand; None for as many as there may be.
        """
        at_work = len(self._at_work)
        if len(self._held) - at_work >= max(self._limit, MOST_UNWRITTEN):
            return 0
        if capacity is None:
            return MAX_HINT_JOBS if at_work < self._limit else 0
        return max(0, min(self._limit, capacity) - at_work)

    def leases(self) -> list[Lease]:
        """The leases held."""
        return [each.lease for each in self._held.values()]

    def renewed(self, leases: Iterable[Lease], sent_at: float) -> None:
        """Note a renewal that succeeded: when it was sent, by the monotonic clock in seconds."""
        for lease in leases:
            if held := self._of(lease):
                held.renewed_at = sent_at

    def doubt(self) -> None:
        """Note that the ledger was away: what it granted before, it may have lost."""
        self._doubted_at = time.monotonic()

    def sure_since(self, lease: Lease, granted_at: float) -> float:
        """When it was last certain that the lease is held; minus infinity when it no longer is.

        A renewal that was sent before the job was in hand did not cover it, and the ledger may have
        lost whatever it granted before it was away.

        Args:
            lease: the lease.
            granted_at: when its claim, or a renewal of it alone, was sent; this time and the one
                returned are of the monotonic clock, in seconds.
        """
        held = self._of(lease)
        sure_at = max(granted_at, held.renewed_at) if held else granted_at
        return sure_at if sure_at > self._doubted_at else -math.inf

    def add(self, lease: Lease, work: asyncio.Task[None]) -> None:
        """Take a job; work on it under an older lease is stopped."""
        before = self._held.get(lease.job_id)
        if before:
            before.work.cancel()
        self._held[lease.job_id] = _Held(lease, work)
        self._at_work.add(lease.job_id)
        work.add_done_callback(partial(self._end_work, lease))

    def remove(self, leases: Iterable[Lease]) -> None:
        """Let jobs go: what became of them stands in the ledger."""
        for lease in leases:
            if self._of(lease):
                self._let_go(lease)
        self._stirred.set()

    def abandon(self, leases: Iterable[Lease]) -> list[Lease]:
        """Stop working under leases that were lost; returns those under which work went on."""
        abandoned = []
        for lease in leases:
            held = self._of(lease)
            # Work that is done left an outcome, which the writer has under way.
            if held and not held.work.done():
                held.work.cancel()
                self._let_go(lease)
                abandoned.append(lease)
        self._stirred.set()
        return abandoned

    def interrupt(self, *, but: Container[asyncio.Task[None]] = ()) -> list[Lease]:
        """Stop all work but some; returns the leases of what was stopped.

        The jobs stay in hand until they are let go.
        """
        stopped = [
            each for each in self._held.values() if not each.work.done() and each.work not in but
        ]
        for each in stopped:
            each.work.cancel()
        return [each.lease for each in stopped]

    def notify(self) -> None:
        """Let whoever waits for room look again."""
        self._stirred.set()

    async def stirred(self) -> None:
        """Wait until there may be more room than now."""
        self._stirred.clear()
        await self._stirred.wait()

    def _end_work(self, lease: Lease, _: asyncio.Task[None]) -> None:
        held = self._held.get(lease.job_id)
        if held and held.lease is lease:
            self._at_work.discard(lease.job_id)
            if len(self._at_work) == self._limit - 1:
                # Its end is written a little later, but there is room from now on.
                self._stirred.set()

    def _of(self, lease: Lease) -> _Held | None:
        """The job in hand under this lease: after a lost one it may be here under a newer token."""
        held = self._held.get(lease.job_id)
        return held if held and held.lease.token == lease.token else None

    def _let_go(self, lease: Lease) -> None:
        del self._held[lease.job_id]
        self._at_work.discard(lease.job_id)

    async def emptied(self) -> None:
        """Wait until no job is held."""
        while self._held:
            await self.stirred()
