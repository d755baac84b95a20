"""One attempt at a job in hand, and what it comes to in the ledger."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any, Final

from rerankq.contract import Job, JobState
from rerankq.errors import InvalidRequest, JobFailed, LedgerUnavailable
from rerankq.ledger import outcomes
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq_worker.jobs.completer import ResultWriter
from rerankq_worker.jobs.in_flight import Holdings
from rerankq_worker.jobs.rerank import Outcome, Succeeded, consequence, estimated_tokens, rerank
from rerankq_worker.jobs.retry import RetryAfter, RetryPolicy
from rerankq_worker.limits.passage import Passage
from rerankq_worker.limits.routes import Routes
from rerankq_worker.process.error_origin import origin
from rerankq_worker.upstream.port import UpstreamError

log = logging.getLogger(__name__)

RENEW_RETRY_SECONDS: Final = 0.5


class Attempts:
    """Makes attempts at jobs under their leases; some have to wait for a free call.

    Args:
        leases: the ledger, as this worker sees it.
        holdings: the jobs in hand.
        writer: where outcomes go.
        routes: the ways to the upstream.
        policy: what to do when it fails.
        lease_seconds: how long a lease lasts without renewal.
        came_to: told of each outcome.
    """

    def __init__(
        self,
        *,
        leases: Leases,
        holdings: Holdings,
        writer: ResultWriter,
        routes: Routes,
        policy: RetryPolicy,
        lease_seconds: float,
        came_to: Callable[[Finish | Postponement], None] = lambda _: None,
    ) -> None:
        self._leases = leases
        self._holdings = holdings
        self._writer = writer
        self._routes = routes
        self._policy = policy
        self._calling: set[asyncio.Task[Any]] = set()
        self._ending = False
        self._lease_seconds = lease_seconds
        self._came_to = came_to

    async def work(self, lease: Lease, claimed_at: float, tally: Counter[str]) -> None:
        """See a job through: its outcome is handed to the writer, and counted.

        Args:
            lease: the job.
            claimed_at: when its claim was sent, by the monotonic clock in seconds.
            tally: counts outcomes by name.
        """
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
        self._came_to(outcome)
        self._writer.put(outcome)

    def begin_no_more(self) -> AbstractSet[asyncio.Task[Any]]:
        """Begin no call from now on; returns the work whose calls are under way."""
        self._ending = True
        return self._calling

    async def _attempt(self, lease: Lease, claimed_at: float) -> Finish | Postponement:
        if self._ending:
            return Postponement(lease, lease.attempts, 0)
        try:
            job = Job.parse(lease.payload)
        except InvalidRequest as error:
            end = JobFailed(error.code, f"the stored job cannot be read: {error}")
            return _failed(lease, lease.attempts, end)
        try:
            return _as_written(lease, await self._ranked(job, lease, claimed_at))
        except UpstreamError as error:
            waited = _waited_seconds(lease, claimed_at)
            return _as_written(
                lease,
                consequence(job.id, error, self._policy, lease.attempts, waited, lease.past),
            )

    async def _ranked(self, job: Job, lease: Lease, claimed_at: float) -> Succeeded:
        tokens = await estimated_tokens(job.request) if self._routes.counts_tokens else 0
        retry = lease.attempts > 0
        way = await self._routes.way(job.request, tokens=tokens, retry=retry)
        sure_at = claimed_at

        def is_sure() -> bool:
            return self._age(lease, sure_at) <= self._lease_seconds

        async with Passage(self._routes, way, lease.past, may_begin=is_sure) as upstream:
            sure_at = await self._make_sure_of(lease, claimed_at)
            with self._under_way():
                return await rerank(
                    job,
                    attempts=lease.attempts,
                    waited_seconds=_waited_seconds(lease, claimed_at),
                    upstream=upstream,
                    tokens=tokens,
                )

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        work = asyncio.current_task()
        assert work is not None  # noqa: S101  only ever called by one
        self._calling.add(work)
        try:
            yield
        finally:
            self._calling.discard(work)

    async def _make_sure_of(self, lease: Lease, claimed_at: float) -> float:
        """Renew a lease that may have run out, or that Redis may have lost while it was away.

        A call costs money: it is not begun for a job that is another worker's by now.

        Returns:
            When the lease was certain, by its claim or by a renewal of it alone.

        Raises:
            _LeaseLostError: it is.
        """
        # When the claim was sent again after a lost answer, the lease only began later.
        sure_at = claimed_at
        while self._age(lease, sure_at) > self._lease_seconds:
            sure_at = time.monotonic()
            try:
                lost = await self._leases.renew([lease])
            except LedgerUnavailable as error:
                log.warning("a call waits until its lease is certain: %s", error)
                sure_at = -math.inf
                await asyncio.sleep(RENEW_RETRY_SECONDS)
            else:
                if lost:
                    raise _LeaseLostError
        return sure_at

    def _age(self, lease: Lease, sure_at: float) -> float:
        """Seconds since the lease was certain: at that time, or by a renewal that covered it."""
        return time.monotonic() - self._holdings.sure_since(lease, sure_at)


class _LeaseLostError(Exception):
    """The job is no longer this worker's."""


def _waited_seconds(lease: Lease, claimed_at: float) -> float:
    return lease.waited_seconds + time.monotonic() - claimed_at


def _as_written(lease: Lease, outcome: Outcome) -> Finish | Postponement:
    match outcome:
        case Succeeded(result, attempts):
            return Finish(lease, attempts, JobState.SUCCEEDED, outcomes.success(result))
        case RetryAfter(seconds, attempts, failure):
            return Postponement(lease, attempts, seconds, failure)
        case _:
            return _failed(lease, outcome.attempts, outcome.end, outcome.said)


def _failed(lease: Lease, attempts: int, end: JobFailed, said: str = "") -> Finish:
    return Finish(lease, attempts, JobState.FAILED, outcomes.failure(end), end.reason, said)


def _unforeseen(lease: Lease, error: Exception) -> Finish:
    log.error("job %s: unforeseen %s", lease.job_id, origin(error))
    end = JobFailed(
        "internal_error", f"rerankq itself failed ({type(error).__name__}): see its log"
    )
    return _failed(lease, lease.attempts + 1, end)


def _name(outcome: Finish | Postponement) -> str:
    return outcome.state.value if isinstance(outcome, Finish) else "postponed"
