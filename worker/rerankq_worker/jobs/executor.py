"""Claims the jobs that a hint names, as many as this worker has capacity for; runs the drain."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rerankq.contract import Hint
from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.events import (
    Events,
    JobRef,
    JobReleased,
    JobUnclaimable,
    LedgerCallFailed,
    LedgerOperation,
    WorkerDrained,
    WorkerDraining,
)
from rerankq.ledger.leases import Claim, Lease, Leases, Postponement, new_request
from rerankq_worker.jobs.attempts import Attempts
from rerankq_worker.jobs.completer import Completer
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.limits.routes import Routes

MOST_TOGETHER: Final = 100
"""How many jobs one call claims, from all hints that wait."""
CLAIM_RETRY_SECONDS: Final = 0.5
HAND_BACK_SECONDS: Final = 5.0
"""How long the end of a drain waits for Redis if it does not answer."""


@dataclass(slots=True, eq=False)
class _Asked:
    """A hint that is being served.

    Attributes:
        names: its jobs that no claim has named yet.
        tally: counts the outcomes of its jobs.
        claims: the claims that name some of its jobs.
        work: the tasks of the claimed jobs.
        crash_suspects: its jobs that must be claimed alone.
        carrier: the span in which the hint was sent.
    """

    names: deque[str] = field(default_factory=deque)
    tally: Counter[str] = field(default_factory=Counter)
    claims: set[asyncio.Task[None]] = field(default_factory=set)
    work: list[asyncio.Task[None]] = field(default_factory=list)
    crash_suspects: list[str] = field(default_factory=list)
    carrier: str | None = None


class Executor:
    """Serves hints. All calls belong to one event loop.

    Args:
        leases: the ledger, as this worker sees it.
        in_flight: the jobs that this worker holds.
        completer: writes the jobs that are given back.
        routes: the routes to the upstream, and how many jobs they have capacity for.
        attempts: works on a claimed job.
        events: told of the drain, and of jobs that cannot be claimed.
    """

    def __init__(
        self,
        *,
        leases: Leases,
        in_flight: InFlightJobs,
        completer: Completer,
        routes: Routes,
        attempts: Attempts,
        events: Events | None = None,
    ) -> None:
        self._leases = leases
        self._in_flight = in_flight
        self._completer = completer
        self._routes = routes
        self._attempts = attempts
        self._events = events or Events()
        self._turn = asyncio.Lock()
        self._line: list[_Asked] = []
        self._claiming: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._draining = False
        self._alone = False
        self._is_shared = False

    async def serve(self, hint: Hint, claimed: Callable[[], None]) -> dict[str, int]:
        """Work on the jobs that a hint names; returns how many had which outcome.

        Args:
            hint: names jobs; some may be done, or held by another worker.
            claimed: called once this worker holds all of them that it can. The message is no longer
                needed then: the leases keep the jobs safe.
        """
        asked = _Asked(deque(hint.job_ids), carrier=hint.traceparent)
        self._line.append(asked)
        try:
            async with self._turn:
                # A worker that drains claims nothing: the jobs are announced again.
                while asked.names and not self._draining:
                    # Jobs that the upstream has no capacity for stay queued for any worker.
                    free_capacity = await self._free_capacity()
                    if self._routes.cut_off:
                        # The jobs must not wait here until this worker is answered again: they are
                        # claimed and go back at once.
                        free_capacity = len(asked.names)
                    await self._take_whole(self._next(free_capacity))
        finally:
            self._line.remove(asked)
        if asked.claims:
            # Its last jobs are part of a claim that was sent in another hint's turn.
            await asyncio.wait(asked.claims)
        claimed()
        tally, work = asked.tally, asked.work
        tally["not_queued"] += len(hint.job_ids) - len(work) - len(asked.crash_suspects)
        await asyncio.gather(*work, return_exceptions=True)
        for job_id in asked.crash_suspects:
            await self._serve_alone(job_id, tally)
        return {name: count for name, count in tally.items() if count}

    async def drain(self, seconds: float) -> None:
        """Let calls in flight end within `seconds`; give all other jobs back at once.

        A claim in flight is finished first, as its jobs belong to this worker; they are given back.
        A job that is given back is queued again at once, and has used no attempt.
        """
        self._draining = True
        began = time.monotonic()
        self._completer.hasten()
        calling = self._attempts.begin_no_more()
        self._hand_back(self._in_flight.interrupt(but=calling))
        self._events.tell(WorkerDraining(calls=len(calling), seconds=seconds))
        emptied = asyncio.create_task(self._emptied())
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({emptied, hurried}, timeout=seconds, return_when="FIRST_COMPLETED")
        hurried.cancel()
        unfinished: Sequence[Lease] = ()
        if not emptied.done():
            await self._end_claiming()
            unfinished = self._in_flight.interrupt()
            # Their calls were under way, and may have been paid for.
            self._hand_back(unfinished, in_doubt=True)
        await asyncio.wait({emptied}, timeout=HAND_BACK_SECONDS)
        emptied.cancel()
        self._events.tell(
            WorkerDrained(
                seconds=time.monotonic() - began,
                returned=len(unfinished),
                unwritten=len(self._in_flight.leases()),
            )
        )

    def _hand_back(self, leases: Sequence[Lease], *, in_doubt: bool = False) -> None:
        for lease in leases:
            back = Postponement(lease, lease.attempts, 0, in_doubt=in_doubt)
            self._completer.put(back, JobReleased(job=JobRef(lease.job_id)))

    @property
    def is_draining(self) -> bool:
        """Whether this worker shuts down, and begins no more calls."""
        return self._draining

    def takes_more(self) -> bool:
        """Whether a message that came now would be taken; not while a claim is in flight.

        The watchdog asks this. A claim may take minutes while Redis refuses it: that does not mean
        that the consumer hangs.
        """
        return (
            self._free_now() > 0
            and not self._alone
            and (self._claiming is None or self._claiming.done())
            and not self._draining
        )

    def hurry(self) -> None:
        """Cut a drain short: give the running jobs back now."""
        self._hurry.set()

    async def _serve_alone(self, job_id: str, tally: Counter[str]) -> None:
        """Serve a job whose last workers crashed while they held it: alone, with no other job."""
        async with self._turn:
            self._alone = True
            try:
                await self._in_flight.emptied()
                if not self._draining:
                    await self._take_whole({job_id: _Asked(tally=tally)}, alone=True)
                    await self._in_flight.emptied()
            finally:
                self._alone = False

    async def _free_capacity(self) -> int:
        """Wait until this worker has capacity for more jobs; returns for how many."""
        try:
            while not (free_capacity := self._free_now()):
                if self._routes.cut_off:
                    break
                self._routes.report_demand(exists=True)
                await self._in_flight.notified()
            return free_capacity
        finally:
            self._routes.report_demand(exists=False)

    def _free_now(self) -> int:
        return self._in_flight.free_capacity(self._routes.capacity(), is_shared=self._is_shared)

    async def _emptied(self) -> None:
        """Wait until no claim is in flight, and then until no job is held."""
        if self._claiming:
            await asyncio.wait({self._claiming})
        await self._in_flight.emptied()

    async def _end_claiming(self) -> None:
        """Let a claim in flight finish, unless Redis does not answer."""
        if not self._claiming:
            return
        _, unanswered = await asyncio.wait({self._claiming}, timeout=HAND_BACK_SECONDS)
        for claiming in unanswered:
            claiming.cancel()

    def _next(self, most: int) -> dict[str, "_Asked"]:
        """The next jobs to claim, each with its hint; the oldest hint's first.

        Several hints share a claim, so interactive jobs, which come one by one, need no call each.
        """
        portion: dict[str, _Asked] = {}
        most = min(most, MOST_TOGETHER)
        for asked in self._line:
            while asked.names and len(portion) < most:
                portion.setdefault(asked.names.popleft(), asked)
        return portion

    async def _take_whole(self, portion: Mapping[str, "_Asked"], *, alone: bool = False) -> None:
        """Claim jobs, and finish the claim even if the caller is cancelled meanwhile.

        Redis may have granted the leases by then, so this worker must hold them. `_turn` lets only
        one claim run at a time.
        """
        self._claiming = asyncio.create_task(self._take(portion, alone=alone))
        for asked in portion.values():
            asked.claims.add(self._claiming)
        await asyncio.shield(self._claiming)

    async def _take(self, portion: Mapping[str, "_Asked"], *, alone: bool) -> None:
        """Claim jobs, and begin to work on those that this worker got."""
        sent_at = time.monotonic()
        claim = await self._claim([*portion], new_request(), alone=alone)
        if claim.leases:
            self._is_shared = any(lease.named for lease in claim.leases)
        for lease in claim.leases:
            asked = portion[lease.named or lease.job_id]
            work = self._attempts.work(lease, sent_at, asked.tally, carrier=asked.carrier)
            task = asyncio.create_task(work)
            self._in_flight.add(lease, task)
            asked.work.append(task)
        for job_id in claim.crash_suspects:
            portion[job_id].crash_suspects.append(job_id)

    async def _claim(self, job_ids: Sequence[str], request: str, *, alone: bool) -> Claim:
        while True:
            try:
                return await self._leases.claim(job_ids, alone=alone, request=request)
            except LedgerRefusal as error:
                if len(job_ids) == 1:
                    # The ledger will go on refusing it, and the lane's other jobs wait behind it.
                    job = JobRef(job_ids[0])
                    self._events.tell(JobUnclaimable(job=job, message=str(error)))
                    return Claim([], [])
                claims = [await self._claim([job_id], request, alone=alone) for job_id in job_ids]
                return Claim(
                    [lease for claim in claims for lease in claim.leases],
                    [suspect for claim in claims for suspect in claim.crash_suspects],
                )
            except LedgerUnavailable as error:
                claim = LedgerOperation.CLAIM
                self._events.tell(
                    LedgerCallFailed(operation=claim, jobs=len(job_ids), message=str(error))
                )
                await asyncio.sleep(CLAIM_RETRY_SECONDS)
