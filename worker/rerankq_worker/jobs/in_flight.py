"""The jobs that this worker holds, each with its lease and the task that works on it."""

import asyncio
import math
import time
from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from rerankq.contract import MAX_HINT_JOBS, Lane
from rerankq.ledger.leases import Lease

MOST_UNWRITTEN: Final = 2 * MAX_HINT_JOBS
"""While this many outcomes wait to be written (or as many as jobs may be worked on, if that is
more), no more jobs are claimed. Unwritten results take memory, and are lost if the worker is
killed: then their calls are made again."""
JOBS_AHEAD: Final = {Lane.BULK: 0.25, Lane.INTERACTIVE: 0.0}
"""How many more jobs a worker holds than calls may be in flight, as a share of those calls. They
begin while outcomes are written and the next jobs are claimed."""
SHARED_AHEAD: Final = 0.1
"""The same at most while tenants share the lane: the next claim may be another tenant's turn."""
SHARED_CLAIMS: Final = 20
"""In so many claims a worker fills itself, while tenants share the lane."""


@dataclass(slots=True)
class _Held:
    """A job that this worker holds.

    Attributes:
        renewed_at: when the last successful renewal of this lease was sent, by the monotonic clock
            in seconds.
    """

    lease: Lease
    work: asyncio.Task[None]
    renewed_at: float = -math.inf


class InFlightJobs:
    """The jobs that this worker holds; tells how many more it may claim.

    Args:
        limit: while this many jobs are worked on, no more are claimed. The jobs of one message are
            claimed together, so more jobs than this may be held: they wait under their leases.
        shared_limit: at most so many jobs are worked on while tenants share the lane: who comes
            next is decided at the claim, so jobs that are claimed early would hold others up. As
            `limit` if None.
    """

    def __init__(self, limit: int, shared_limit: int | None = None) -> None:
        self._limit = limit
        self._shared_limit = limit if shared_limit is None else shared_limit
        # A few jobs for each claim: a claim for each job would cost too much.
        self._most_shared = self._shared_limit - max(1, self._shared_limit // SHARED_CLAIMS)
        self._at_work: set[str] = set()
        self._held: dict[str, _Held] = {}
        self._notified = asyncio.Event()
        self._doubted_at = -math.inf

    def free_capacity(self, capacity: int | None, *, is_shared: bool = False) -> int:
        """How many more jobs may be claimed.

        Args:
            capacity: how many jobs the upstream has capacity for; None for no limit but `limit`.
            is_shared: whether tenants share the lane.
        """
        at_work = len(self._at_work)
        if len(self._held) - at_work >= max(self._limit, MOST_UNWRITTEN):
            return 0
        if is_shared:
            if at_work > self._most_shared:
                return 0
            most = self._shared_limit if capacity is None else min(self._shared_limit, capacity)
            return max(0, most - at_work)
        if capacity is None:
            return MAX_HINT_JOBS if at_work < self._limit else 0
        return max(0, min(self._limit, capacity) - at_work)

    def leases(self) -> list[Lease]:
        """The leases held."""
        return [each.lease for each in self._held.values()]

    def renewed(self, leases: Iterable[Lease], sent_at: float) -> None:
        """Record a successful renewal, sent at that time by the monotonic clock in seconds."""
        for lease in leases:
            if held := self._of(lease):
                held.renewed_at = sent_at

    def doubt(self) -> None:
        """Record that the ledger was away: it may have lost what it granted before."""
        self._doubted_at = time.monotonic()

    def sure_since(self, lease: Lease, granted_at: float) -> float:
        """When it was last certain that the lease is held; minus infinity if it is in doubt.

        Leases granted before the ledger was away are in doubt: it may have lost them.

        Args:
            lease: the lease.
            granted_at: when its claim, or a renewal of it alone, was sent. This time and the
                returned one are of the monotonic clock, in seconds.
        """
        held = self._of(lease)
        sure_at = max(granted_at, held.renewed_at) if held else granted_at
        return sure_at if sure_at > self._doubted_at else -math.inf

    def add(self, lease: Lease, work: asyncio.Task[None]) -> None:
        """Add a job; work on it under an older lease is cancelled."""
        before = self._held.get(lease.job_id)
        if before:
            before.work.cancel()
        self._held[lease.job_id] = _Held(lease, work)
        self._at_work.add(lease.job_id)
        work.add_done_callback(partial(self._end_work, lease))

    def remove(self, leases: Iterable[Lease]) -> None:
        """Let jobs go whose outcomes are in the ledger."""
        for lease in leases:
            if self._of(lease):
                self._let_go(lease)
        self._notified.set()

    def abandon(self, leases: Iterable[Lease]) -> list[Lease]:
        """Cancel work under lost leases; returns the leases under which work was going on."""
        abandoned = []
        for lease in leases:
            held = self._of(lease)
            # Finished work has an outcome, which the completer is about to write.
            if held and not held.work.done():
                held.work.cancel()
                self._let_go(lease)
                abandoned.append(lease)
        self._notified.set()
        return abandoned

    def interrupt(self, *, but: Container[asyncio.Task[None]] = ()) -> list[Lease]:
        """Cancel all work except `but`; returns the leases of the cancelled work.

        The jobs stay held until they are removed.
        """
        stopped = [
            each for each in self._held.values() if not each.work.done() and each.work not in but
        ]
        for each in stopped:
            each.work.cancel()
        return [each.lease for each in stopped]

    def notify(self) -> None:
        """Wake those who wait for free capacity, so that they check again."""
        self._notified.set()

    async def notified(self) -> None:
        """Wait until there may be more free capacity than now."""
        self._notified.clear()
        await self._notified.wait()

    def _end_work(self, lease: Lease, _: asyncio.Task[None]) -> None:
        held = self._held.get(lease.job_id)
        if held and held.lease is lease:
            self._at_work.discard(lease.job_id)
            if len(self._at_work) in (self._limit - 1, self._most_shared):
                # Its outcome is not written yet, but there is capacity for another job.
                self._notified.set()

    def _of(self, lease: Lease) -> _Held | None:
        """The job held under this lease; None if it is gone or held under a newer token."""
        held = self._held.get(lease.job_id)
        return held if held and held.lease.token == lease.token else None

    def _let_go(self, lease: Lease) -> None:
        del self._held[lease.job_id]
        self._at_work.discard(lease.job_id)

    async def emptied(self) -> None:
        """Wait until no job is held."""
        while self._held:
            await self.notified()


def jobs_in_flight(lane: Lane, most_calls: int) -> InFlightJobs:
    """The jobs of a worker that serves this lane, with at most so many calls in flight."""
    ahead = JOBS_AHEAD[lane]
    shared = math.ceil(most_calls * (1 + min(ahead, SHARED_AHEAD)))
    return InFlightJobs(int(most_calls * (1 + ahead)), shared)
