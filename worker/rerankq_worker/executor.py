"""From a hint to outcomes: claim the jobs it names, make an attempt at each, hand on the result."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from rerankq.contract import Hint, Job, JobState
from rerankq.errors import InvalidRequest, JobFailed, LedgerRefusal, LedgerUnavailable
from rerankq.ledger import outcomes
from rerankq.ledger.leases import Claim, Finish, Lease, Leases, Postponement
from rerankq_worker.holdings import Holdings
from rerankq_worker.limits.passage import Passage
from rerankq_worker.limits.routes import Routes
from rerankq_worker.origin import origin
from rerankq_worker.rerank import Outcome, Succeeded, consequence, estimated_tokens, rerank
from rerankq_worker.result_writer import ResultWriter
from rerankq_worker.retry import RetryAfter, RetryPolicy
from rerankq_worker.upstream import UpstreamError

log = logging.getLogger(__name__)

Taken = tuple[list[asyncio.Task[None]], list[str]]
"""Work that was begun, and suspects."""

CLAIM_RETRY_SECONDS: Final = 0.5
HAND_BACK_SECONDS: Final = 5.0
"""How long the end of a drain waits for a Redis that does not answer."""


class Executor:
    """Serves hints. All its calls belong to one event loop.

    Args:
        leases: the ledger, as this worker sees it.
        holdings: the jobs in hand.
        writer: where outcomes go.
        routes: the ways to the upstream.
        policy: what to do when it fails.
        max_in_flight: upstream calls under way at most.
        lease_seconds: how long a lease lasts without renewal.
    """

    def __init__(
        self,
        *,
        leases: Leases,
        holdings: Holdings,
        writer: ResultWriter,
        routes: Routes,
        policy: RetryPolicy,
        max_in_flight: int,
        lease_seconds: float,
    ) -> None:
        self._leases = leases
        self._holdings = holdings
        self._writer = writer
        self._routes = routes
        self._policy = policy
        self._calls = asyncio.Semaphore(max_in_flight)
        self._lease_seconds = lease_seconds
        self._turn = asyncio.Lock()
        self._claiming: asyncio.Task[Taken] | None = None
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
        tally: Counter[str] = Counter()
        work: list[asyncio.Task[None]] = []
        suspects: list[str] = []
        async with self._turn:
            named = list(hint.job_ids)
            while named:
                # What the upstream would not take soon is left in the queue, for whoever can.
                room = await self._room()
                portion, named = named[:room], named[room:]
                taken, suspected = await self._take_whole(portion, tally)
                work += taken
                suspects += suspected
        claimed()
        tally["not_queued"] += len(hint.job_ids) - len(work) - len(suspects)
        await asyncio.gather(*work, return_exceptions=True)
        for job_id in suspects:
            await self._serve_alone(job_id, tally)
        return {name: count for name, count in tally.items() if count}

    async def drain(self, seconds: float) -> None:
        """Let running jobs finish for so long, then give the others back to the ledger.

        A claim under way is finished first: what it took belongs to this worker. What is given
        back is queued again at once, and has used no attempt.
        """
        self._draining = True
        running = len(self._holdings.leases())
        if running:
            log.info("%d jobs may finish within %g s; another signal ends that", running, seconds)
        emptied = asyncio.create_task(self._emptied())
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({emptied, hurried}, timeout=seconds, return_when="FIRST_COMPLETED")
        hurried.cancel()
        if not emptied.done():
            await self._end_claiming()
            unfinished = self._holdings.interrupt()
            log.warning("handing back %d jobs that did not finish in time", len(unfinished))
            for lease in unfinished:
                self._writer.put(Postponement(lease, lease.attempts, 0))
        done, _ = await asyncio.wait({emptied}, timeout=HAND_BACK_SECONDS)
        if not done:
            emptied.cancel()
            log.warning("Redis did not take them all back: their leases will run out instead")

    def takes_more(self) -> bool:
        """Whether a message that came now would be taken."""
        return (
            self._holdings.room(self._routes.appetite()) > 0
            and not self._alone
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
                await self._holdings.emptied()
                if not self._draining:
                    await self._take_whole([job_id], tally, alone=True)
                    await self._holdings.emptied()
            finally:
                self._alone = False

    async def _room(self) -> int:
        """Wait until more jobs make sense in hand; returns how many."""
        try:
            while not (room := self._holdings.room(self._routes.appetite())):
                self._routes.hunger(is_felt=True)
                await self._holdings.stirred()
            return room
        finally:
            self._routes.hunger(is_felt=False)

    async def _emptied(self) -> None:
        """Wait until no claim is under way, and then until no job is held."""
        if self._claiming:
            await asyncio.wait({self._claiming})
        await self._holdings.emptied()

    async def _end_claiming(self) -> None:
        """Let a claim under way bring what it takes, unless Redis does not answer."""
        if not self._claiming:
            return
        _, unanswered = await asyncio.wait({self._claiming}, timeout=HAND_BACK_SECONDS)
        for claiming in unanswered:
            claiming.cancel()

    async def _take_whole(
        self, job_ids: Sequence[str], tally: Counter[str], *, alone: bool = False
    ) -> Taken:
        """Take jobs to the end of it, also when whoever asked is cancelled meanwhile.

        Redis may have given the leases by then: somebody must hold them. `_turn` sees to it that
        there is one at a time.
        """
        self._claiming = asyncio.create_task(self._take(job_ids, tally, alone=alone))
        return await asyncio.shield(self._claiming)

    async def _take(self, job_ids: Sequence[str], tally: Counter[str], *, alone: bool) -> Taken:
        """Claim what can be claimed and begin to work on it; returns the work, and suspects."""
        sent_at = time.monotonic()
        claim = await self._claim(job_ids, alone=alone)
        work = [asyncio.create_task(self._work(lease, sent_at, tally)) for lease in claim.leases]
        for lease, task in zip(claim.leases, work, strict=True):
            self._holdings.add(lease, task)
        return work, claim.suspects

    async def _claim(self, job_ids: Sequence[str], *, alone: bool) -> Claim:
        while True:
            try:
                return await self._leases.claim(job_ids, alone=alone)
            except LedgerRefusal as error:
                if len(job_ids) == 1:
                    # Nothing will change that, and the other jobs of the lane wait behind it.
                    log.critical("job %s is left alone: %s", job_ids[0], error)
                    return Claim([], [])
                claims = [await self._claim([job_id], alone=alone) for job_id in job_ids]
                return Claim(
                    [lease for claim in claims for lease in claim.leases],
                    [suspect for claim in claims for suspect in claim.suspects],
                )
            except LedgerUnavailable as error:
                log.warning("no claim: %s", error)
                await asyncio.sleep(CLAIM_RETRY_SECONDS)

    async def _work(self, lease: Lease, claimed_at: float, tally: Counter[str]) -> None:
        try:
            outcome = await self._attempt(lease, claimed_at)
        except asyncio.CancelledError:
            # Whoever cancelled decides what becomes of the job.
            tally["abandoned"] += 1
            raise
        except _LeaseLostError:
            tally["abandoned"] += 1
            self._holdings.remove([lease])
            return
        except Exception as error:  # noqa: BLE001  whatever it is, the job must have an end
            outcome = _unforeseen(lease, error)
        tally[_name(outcome)] += 1
        self._writer.put(outcome)

    async def _attempt(self, lease: Lease, claimed_at: float) -> Finish | Postponement:
        try:
            job = Job.parse(lease.payload)
        except InvalidRequest as error:
            end = JobFailed(error.code, f"the stored job cannot be read: {error}")
            return _failed(lease, lease.attempts, end)
        request, tokens = job.request, 0
        if self._routes.counts_tokens:
            tokens = await estimated_tokens(request)
        async with self._calls:
            retry = lease.attempts > 0
            try:
                way = await self._routes.way(request.model, tokens=tokens, retry=retry)
            except UpstreamError as error:
                waited = _waited_seconds(lease, claimed_at)
                verdict = consequence(error, self._policy, lease.attempts, waited)
                return _as_written(lease, verdict)
            async with Passage(self._routes, way) as upstream:
                await self._make_sure_of(lease, claimed_at)
                outcome = await rerank(
                    job,
                    attempts=lease.attempts,
                    waited_seconds=_waited_seconds(lease, claimed_at),
                    upstream=upstream,
                    policy=self._policy,
                )
        return _as_written(lease, outcome)

    async def _make_sure_of(self, lease: Lease, claimed_at: float) -> None:
        """Renew a lease that may have run out while this process, or Redis, stood still.

        A call costs money: it is not begun for a job that is another worker's by now.

        Raises:
            _LeaseLostError: it is.
        """
        # When the claim was sent again after a lost answer, the lease only began later.
        while time.monotonic() - max(claimed_at, self._holdings.renewed_at) > self._lease_seconds:
            claimed_at = time.monotonic()
            try:
                lost = await self._leases.renew([lease])
            except LedgerUnavailable as error:
                log.warning("a call waits until its lease is certain: %s", error)
                claimed_at = -math.inf
                await asyncio.sleep(CLAIM_RETRY_SECONDS)
            else:
                if lost:
                    raise _LeaseLostError


class _LeaseLostError(Exception):
    """The job is no longer this worker's."""


def _waited_seconds(lease: Lease, claimed_at: float) -> float:
    return lease.waited_seconds + time.monotonic() - claimed_at


def _as_written(lease: Lease, outcome: Outcome) -> Finish | Postponement:
    match outcome:
        case Succeeded(result, attempts):
            return Finish(lease, attempts, JobState.SUCCEEDED, outcomes.success(result))
        case RetryAfter(seconds, attempts):
            return Postponement(lease, attempts, seconds)
        case _:
            return _failed(lease, outcome.attempts, outcome.end)


def _failed(lease: Lease, attempts: int, end: JobFailed) -> Finish:
    return Finish(lease, attempts, JobState.FAILED, outcomes.failure(end), end.reason)


def _unforeseen(lease: Lease, error: Exception) -> Finish:
    log.error("job %s: unforeseen %s", lease.job_id, origin(error))
    end = JobFailed(
        "internal_error", f"rerankq itself failed ({type(error).__name__}): see its log"
    )
    return _failed(lease, lease.attempts + 1, end)


def _name(outcome: Finish | Postponement) -> str:
    return outcome.state.value if isinstance(outcome, Finish) else "postponed"
