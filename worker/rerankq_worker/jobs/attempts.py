"""One attempt at a job that this worker holds, and the outcome for the ledger."""

import asyncio
import time
from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Any

from rerankq.contract import Job
from rerankq.error_origin import origin
from rerankq.errors import InvalidRequest, JobFailed
from rerankq.events import (
    Event,
    Events,
    JobClaimed,
    JobFaulted,
    JobRef,
    JobRevoked,
)
from rerankq.ledger.checkpoints import Checkpoints
from rerankq.ledger.leases import Finish, Lease, Leases, Postponement
from rerankq_worker.jobs.calling import Calling
from rerankq_worker.jobs.calls_in_parts import HandedBackError
from rerankq_worker.jobs.certain_leases import CertainLeases, LeaseLostError
from rerankq_worker.jobs.cheap_hours import CheapHoursWait, CostsLessLaterError
from rerankq_worker.jobs.completer import Completer
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.jobs.job_ranking import JobRanking, waited_seconds
from rerankq_worker.jobs.job_update import job_update
from rerankq_worker.jobs.large_jobs import LargeJobs
from rerankq_worker.jobs.long_documents import LongDocumentCutter
from rerankq_worker.jobs.outcome_event import outcome_event
from rerankq_worker.jobs.part_calls import PartCalls
from rerankq_worker.jobs.rerank import (
    AttemptOutcome,
    Failed,
    Succeeded,
    consequence,
)
from rerankq_worker.jobs.retry import RetryAfter, RetryPolicy
from rerankq_worker.jobs.shadows import Shadows
from rerankq_worker.jobs.shared_calls import SharedCalls
from rerankq_worker.jobs.usage import AttemptUsage
from rerankq_worker.limits.routes import Routes
from rerankq_worker.reuse.score_reuse import ScoreReuse
from rerankq_worker.upstream.errors import UpstreamError

_Written = tuple[Finish | Postponement, Event | None]
"""An outcome for the ledger, and the event to tell once the ledger has it."""


class Attempts:
    """Makes attempts at jobs under their leases; a job may have to wait for a permit.

    Args:
        leases: the ledger, as this worker sees it.
        in_flight: the jobs that this worker holds.
        completer: writes the outcomes.
        routes: the routes to the upstream.
        policy: decides what follows a failure.
        lease_seconds: how long a lease lasts without renewal.
        cutter: does what is wanted with documents that a model cannot read whole; None: nothing.
        shadows: sends copies of jobs to sites that are tried out; None if there are none.
        checkpoints: keeps what calls have brought for jobs that need several; None where no job is
            divided.
        job_calls: how many calls of one such job may be in flight.
        shares_calls: whether small jobs of one query share calls.
        reuse: knows scores of earlier calls; None for calls for all documents.
        cheap_hours: lets jobs wait for hours in which they cost less; None if no site has them.
        events: told what happens to each job.
    """

    def __init__(
        self,
        *,
        leases: Leases,
        in_flight: InFlightJobs,
        completer: Completer,
        routes: Routes,
        policy: RetryPolicy,
        lease_seconds: float,
        cutter: LongDocumentCutter | None = None,
        shadows: Shadows | None = None,
        checkpoints: Checkpoints | None = None,
        job_calls: int = 1,
        shares_calls: bool = False,
        reuse: ScoreReuse | None = None,
        cheap_hours: CheapHoursWait | None = None,
        events: Events | None = None,
    ) -> None:
        self._shadows = shadows
        self._in_flight = in_flight
        self._completer = completer
        self._policy = policy
        self._calling = Calling()
        self._events = events or Events()
        certain = CertainLeases(leases, in_flight, lease_seconds=lease_seconds, events=self._events)
        shared = SharedCalls(routes, certain, self._calling) if shares_calls else None
        self._large: LargeJobs | None = None
        if checkpoints:
            calls = PartCalls(routes, certain, self._calling, self._events)
            self._large = LargeJobs(calls, checkpoints, most_calls=job_calls, events=self._events)
        self._ranking = JobRanking(
            *(routes, certain, self._calling),
            cutter=cutter or LongDocumentCutter(lambda _: None),
            large=self._large,
            shared=shared,
            reuse=reuse,
            cheap_hours=cheap_hours,
            events=self._events,
        )

    async def work(
        self,
        lease: Lease,
        claimed_at: float,
        tally: Counter[str],
        *,
        carrier: str | None = None,
    ) -> None:
        """Make an attempt at a job; hand its outcome to the completer, and count it.

        Args:
            lease: the job.
            claimed_at: when its claim was sent, by the monotonic clock in seconds.
            tally: counts outcomes by name.
            carrier: the span in which the message was sent that named the job, in W3C's form.
        """
        try:
            outcome, event = await self._attempt(lease, claimed_at, carrier)
        except asyncio.CancelledError:
            # The caller that cancelled it decides what happens to the job.
            tally["abandoned"] += 1
            raise
        except LeaseLostError:
            tally["abandoned"] += 1
            self._in_flight.remove([lease])
            self._events.tell(JobRevoked(job=JobRef(lease.job_id)))
            return
        except Exception as error:  # noqa: BLE001  whatever it is, the job must have an end
            outcome, event = self._unforeseen(lease, error)
        tally[_name(outcome)] += 1
        self._completer.put(outcome, event)

    def begin_no_more(self) -> AbstractSet[asyncio.Task[Any]]:
        """Begin no more calls; returns the tasks whose calls are in flight."""
        self._calling.ending = True
        if self._large:
            self._large.begin_no_more()
        return self._calling.tasks

    async def _attempt(self, lease: Lease, claimed_at: float, carrier: str | None) -> _Written:
        if self._calling.ending:
            return self._as_written(lease, None, RetryAfter(0, lease.attempts))
        try:
            job = Job.parse(lease.payload)
        except InvalidRequest as error:
            end = JobFailed(error.code, f"the stored job cannot be read: {error}")
            return self._as_written(lease, None, Failed(end, lease.attempts))
        self._tell_of_claim(job, lease, claimed_at, carrier)
        outcome: AttemptOutcome
        usage = AttemptUsage(job.request.model)
        try:
            outcome = ranked = await self._ranking.of(job, lease, claimed_at, usage)
        except HandedBackError:
            outcome = RetryAfter(0, lease.attempts)
        except CostsLessLaterError as error:
            outcome = error.until
        except UpstreamError as error:
            waited = waited_seconds(lease, claimed_at)
            outcome = consequence(job.id, error, self._policy, lease.attempts, waited, lease.past)
        else:
            if self._shadows:
                self._shadows.consider(job, ranked.answer.scores)
        return self._as_written(lease, job, outcome, usage)

    def _tell_of_claim(
        self, job: Job, lease: Lease, claimed_at: float, carrier: str | None
    ) -> None:
        if JobClaimed in self._events.wanted:
            self._events.tell(
                JobClaimed(
                    job=JobRef.of(job),
                    attempts=lease.attempts,
                    waited_seconds=lease.waited_seconds,
                    claim_seconds=time.monotonic() - claimed_at,
                    carrier=carrier,
                )
            )

    def _unforeseen(self, lease: Lease, error: Exception) -> _Written:
        """The outcome of a job that met a fault of rerankq itself: it fails."""
        self._events.tell(JobFaulted(job=JobRef(lease.job_id), origin=origin(error)))
        end = JobFailed(
            "internal_error", f"rerankq itself failed ({type(error).__name__}): see its log"
        )
        return self._as_written(lease, None, Failed(end, lease.attempts + 1), in_doubt=True)

    def _as_written(
        self,
        lease: Lease,
        job: Job | None,
        outcome: AttemptOutcome,
        usage: AttemptUsage | None = None,
        *,
        in_doubt: bool = False,
    ) -> _Written:
        """An outcome in the ledger's form, and its event."""
        event = outcome_event(lease.job_id, job, outcome, self._events.wanted)
        used = usage.told(succeeded=isinstance(outcome, Succeeded)) if usage else ()
        return job_update(lease, job, outcome, used, in_doubt=in_doubt), event


def _name(outcome: Finish | Postponement) -> str:
    return outcome.state.value if isinstance(outcome, Finish) else "postponed"
