"""From a hint to work: claim the jobs that it names, as many as make sense, and see to a drain."""

import asyncio
import logging
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
)
from rerankq.ledger.leases import Claim, Lease, Leases, Postponement, new_request
from rerankq_worker.jobs.attempts import Attempts
from rerankq_worker.jobs.completer import Completer
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.limits.routes import Routes

log = logging.getLogger(__name__)

MOST_TOGETHER: Final = 100
"""Jobs of all hints that wait that are claimed in one call."""
CLAIM_RETRY_SECONDS: Final = 0.5
HAND_BACK_SECONDS: Final = 5.0
"""How long the end of a drain waits for a Redis that does not answer."""


@dataclass(slots=True, eq=False)
class _Asked:
    """A hint that is served.

    Attributes:
        names: of its jobs those that nobody has tried to claim yet.
        tally: counts what became of them.
        claims: the claims that name some of them.
        work: on those that were claimed.
        crash_suspects: those that are to be claimed alone.
    """

    names: deque[str] = field(default_factory=deque)
    tally: Counter[str] = field(default_factory=Counter)
    claims: set[asyncio.Task[None]] = field(default_factory=set)
    work: list[asyncio.Task[None]] = field(default_factory=list)
    crash_suspects: list[str] = field(default_factory=list)


class Executor:
    """Serves hints. All its calls belong to one event loop.

    Args:
        leases: the ledger, as this worker sees it.
        in_flight: the jobs in hand.
        completer: where those go that are handed back.
        routes: the ways to the upstream, and how much more it would take.
        attempts: the work on a job.
        events: told what is given back, and what cannot be claimed.
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

    async def serve(self, hint: Hint, claimed: Callable[[], None]) -> dict[str, int]:
        """Work on the jobs that a hint names; returns how many took which outcome.

        Args:
            hint: names of jobs, some of which may be done, or another worker's.
            claimed: called once this worker holds what it can of them, so that the message
                has done its duty: from then on the leases keep the jobs safe.
        """
        asked = _Asked(deque(hint.job_ids))
        self._line.append(asked)
        try:
            async with self._turn:
                # Whoever drains begins nothing: what is left is announced again.
                while asked.names and not self._draining:
                    # What the upstream would not take soon is left in the queue, for whoever can.
                    free_capacity = await self._free_capacity()
                    if self._routes.cut_off:
                        # None of them may lie here until this worker is well: they go back at once.
                        free_capacity = len(asked.names)
                    await self._take_whole(self._next(free_capacity))
        finally:
            self._line.remove(asked)
        if asked.claims:
            # Others had the turn when its last names were claimed together with theirs.
            await asyncio.wait(asked.claims)
        claimed()
        tally, work = asked.tally, asked.work
        tally["not_queued"] += len(hint.job_ids) - len(work) - len(asked.crash_suspects)
        await asyncio.gather(*work, return_exceptions=True)
        for job_id in asked.crash_suspects:
            await self._serve_alone(job_id, tally)
        return {name: count for name, count in tally.items() if count}

    async def drain(self, seconds: float) -> None:
        """Let calls that are under way end within so long; give all other jobs back at once.

        A claim under way is finished first: what it took belongs to this worker, and is given back.
        What is given back is queued again at once, and has used no attempt.
        """
        self._draining = True
        self._completer.hasten()
        calling = self._attempts.begin_no_more()
        self._hand_back(self._in_flight.interrupt(but=calling))
        if calling:
            log.info(
                "%d jobs may finish within %g s; another signal ends that", len(calling), seconds
            )
        emptied = asyncio.create_task(self._emptied())
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({emptied, hurried}, timeout=seconds, return_when="FIRST_COMPLETED")
        hurried.cancel()
        if not emptied.done():
            await self._end_claiming()
            unfinished = self._in_flight.interrupt()
            log.warning("handing back %d jobs that did not finish in time", len(unfinished))
            self._hand_back(unfinished)
        done, _ = await asyncio.wait({emptied}, timeout=HAND_BACK_SECONDS)
        if not done:
            emptied.cancel()
            log.warning("Redis did not take them all back: their leases will run out instead")

    def _hand_back(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            self._completer.put(
                Postponement(lease, lease.attempts, 0), JobReleased(job=JobRef(lease.job_id))
            )

    def takes_more(self) -> bool:
        """Whether a message that came now would be taken: not while another one is being claimed.

        A claim that Redis refuses may take minutes, and the consumer is not deaf for that.
        """
        return (
            self._in_flight.free_capacity(self._routes.capacity()) > 0
            and not self._alone
            and (self._claiming is None or self._claiming.done())
            and not self._draining
        )

    def hurry(self) -> None:
        """Cut a drain short: what runs is given back now."""
        self._hurry.set()

    async def _serve_alone(self, job_id: str, tally: Counter[str]) -> None:
        """Serve a job whose last workers ended while they held it, with nothing else in hand."""
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
        """Wait until more jobs make sense in hand; returns how many."""
        try:
            while not (free_capacity := self._in_flight.free_capacity(self._routes.capacity())):
                if self._routes.cut_off:
                    break
                self._routes.report_demand(exists=True)
                await self._in_flight.stirred()
            return free_capacity
        finally:
            self._routes.report_demand(exists=False)

    async def _emptied(self) -> None:
        """Wait until no claim is under way, and then until no job is held."""
        if self._claiming:
            await asyncio.wait({self._claiming})
        await self._in_flight.emptied()

    async def _end_claiming(self) -> None:
        """Let a claim under way bring what it takes, unless Redis does not answer."""
        if not self._claiming:
            return
        _, unanswered = await asyncio.wait({self._claiming}, timeout=HAND_BACK_SECONDS)
        for claiming in unanswered:
            claiming.cancel()

    def _next(self, most: int) -> dict[str, "_Asked"]:
        """The next names of the hints that wait, with whose they are: the first hint's first.

        So jobs that come one by one, as interactive ones do, need no call of their own each.
        """
        portion: dict[str, _Asked] = {}
        most = min(most, MOST_TOGETHER)
        for asked in self._line:
            while asked.names and len(portion) < most:
                portion.setdefault(asked.names.popleft(), asked)
        return portion

    async def _take_whole(self, portion: Mapping[str, "_Asked"], *, alone: bool = False) -> None:
        """Take jobs to the end of it, also when whoever asked is cancelled meanwhile.

        Redis may have given the leases by then: somebody must hold them. `_turn` sees to it that
        there is one at a time.
        """
        self._claiming = asyncio.create_task(self._take(portion, alone=alone))
        for asked in portion.values():
            asked.claims.add(self._claiming)
        await asyncio.shield(self._claiming)

    async def _take(self, portion: Mapping[str, "_Asked"], *, alone: bool) -> None:
        """Claim what can be claimed and begin to work on it, for whoever asked for it."""
        sent_at = time.monotonic()
        claim = await self._claim([*portion], new_request(), alone=alone)
        for lease in claim.leases:
            asked = portion[lease.job_id]
            task = asyncio.create_task(self._attempts.work(lease, sent_at, asked.tally))
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
                    # Nothing will change that, and the other jobs of the lane wait behind it.
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
