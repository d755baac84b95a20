"""One attempt at a job that this worker holds, and the outcome for the ledger."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
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
from rerankq_worker.jobs.calling import Calling, current_work
from rerankq_worker.jobs.calls_in_parts import HandedBackError
from rerankq_worker.jobs.certain_leases import CertainLeases, LeaseLostError
from rerankq_worker.jobs.cheap_hours import NO_SITES, CheapHoursWait, CostsLessLaterError
from rerankq_worker.jobs.completer import Completer
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.jobs.job_update import job_update
from rerankq_worker.jobs.large_jobs import LargeJobs
from rerankq_worker.jobs.long_documents import LongDocumentCutter
from rerankq_worker.jobs.outcome_event import outcome_event
from rerankq_worker.jobs.part_calls import PartCalls
from rerankq_worker.jobs.passenger import Passenger, passenger_of
from rerankq_worker.jobs.permit_event import tell_of_permit
from rerankq_worker.jobs.rerank import (
    AttemptOutcome,
    Failed,
    Succeeded,
    consequence,
    estimated_tokens,
    rerank,
)
from rerankq_worker.jobs.retry import RetryAfter, RetryPolicy
from rerankq_worker.jobs.reusing import ReusingAttempt, ReusingUpstream
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.jobs.shadows import Shadows
from rerankq_worker.jobs.shared_calls import SharedCalls, SharedUpstream, TriedTogetherError
from rerankq_worker.jobs.usage import AttemptUsage
from rerankq_worker.limits.destinations import Destination
from rerankq_worker.limits.guarded_call import GuardedCall
from rerankq_worker.limits.route import Reservation
from rerankq_worker.limits.routes import Routes
from rerankq_worker.reuse.score_reuse import Known, ScoreReuse
from rerankq_worker.upstream.errors import CallTooLarge, UpstreamError
from rerankq_worker.upstream.port import Upstream

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
        self._cutter = cutter or LongDocumentCutter(lambda _: None)
        self._shadows = shadows
        self._cheap_hours = cheap_hours
        self._leases = leases
        self._in_flight = in_flight
        self._completer = completer
        self._routes = routes
        self._policy = policy
        self._calling = Calling()
        self._reuse = reuse
        self._events = events or Events()
        self._certain = CertainLeases(
            leases, in_flight, lease_seconds=lease_seconds, events=self._events
        )
        self._shared = SharedCalls(routes, self._certain, self._calling) if shares_calls else None
        self._large: LargeJobs | None = None
        if checkpoints:
            calls = PartCalls(routes, self._certain, self._calling, self._events)
            self._large = LargeJobs(calls, checkpoints, most_calls=job_calls, events=self._events)

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
            outcome = ranked = await self._ranked(job, lease, claimed_at, usage)
        except HandedBackError:
            outcome = RetryAfter(0, lease.attempts)
        except CostsLessLaterError as error:
            outcome = error.until
        except UpstreamError as error:
            waited = _waited_seconds(lease, claimed_at)
            outcome = consequence(job.id, error, self._policy, lease.attempts, waited, lease.past)
        else:
            if self._shadows:
                self._shadows.consider(job, ranked.answer.scores)
        return self._as_written(lease, job, outcome, usage)

    async def _ranked(
        self, job: Job, lease: Lease, claimed_at: float, usage: AttemptUsage
    ) -> Succeeded:
        sent = SentRequest(job.request, await self._cutter.cut(job.request))
        about = ReusingAttempt(job, sent, lease.attempts, usage, self._events)
        known = await about.known(self._reuse)
        if known is None:
            return await self._asked(about, lease, claimed_at)
        with closing(known):
            if known.first.is_whole:
                return await about.without_a_call(known.first, _waited_seconds(lease, claimed_at))
            return await self._asked(about, lease, claimed_at, known)

    async def _asked(
        self, about: ReusingAttempt, lease: Lease, claimed_at: float, known: Known | None = None
    ) -> Succeeded:
        job, sent, usage, dear = about.job, about.sent, about.usage, NO_SITES
        if self._cheap_hours:
            age = _waited_seconds(lease, claimed_at)
            dear = await self._cheap_hours.dear_sites(job, attempts=lease.attempts, age=age)
        if self._large and (several := self._routes.destinations.of(sent.request, dear)):
            return await self._in_parts(about, lease, claimed_at, several, known)
        tokens, asked_at = await self._tokens(sent, known), time.monotonic()
        ranked = await self._reserved(about, lease, claimed_at, tokens, known, dear)
        if isinstance(ranked, Succeeded):
            return ranked
        reservation = ranked
        tell_of_permit(self._events, job, reservation, asked_at)
        sure_at = claimed_at

        def is_sure() -> bool:
            return self._certain.is_certain(lease, sure_at)

        try:
            async with GuardedCall(
                self._routes, reservation, lease.past, may_begin=is_sure
            ) as guarded:
                scores = known and known.of(reservation.route.site, reservation.model)
                if scores and scores.is_whole:
                    waited = _waited_seconds(lease, claimed_at)
                    return await about.without_a_call(scores, waited)
                upstream = ReusingUpstream(guarded, known, scores) if known and scores else guarded
                sure_at = await self._certain.make_sure_of(lease, claimed_at)
                with self._calling.during(current_work()):
                    try:
                        done = await self._rerank(job, lease, claimed_at, upstream, sent, tokens)
                    except UpstreamError:
                        tokens = tokens or await estimated_tokens(sent.request)
                        usage.failed(reservation, guarded.fault, estimated=tokens)
                        raise
                    pairs, estimated = len(sent.request.documents), done.measures.estimated_tokens
                    if scores:
                        pairs = await about.note(scores)
                    usage.ranked(reservation, done.answer, pairs=pairs, estimated=estimated)
                    return done
        except CallTooLarge:
            route, model = reservation.route, reservation.model
            where = self._routes.destinations.after_refusal(route, model)
            if not self._large or not where or len(sent.request.documents) == 1:
                raise
        return await self._in_parts(about, lease, claimed_at, [where], known, was_refused=True)

    async def _tokens(self, sent: SentRequest, known: Known | None) -> int:
        """The estimated cost of what is not known; 0 while nobody needs it."""
        if known:
            return await estimated_tokens(known.first.rest(sent.request))
        return await estimated_tokens(sent.request) if self._routes.counts_tokens else 0

    async def _reserved(
        self,
        about: ReusingAttempt,
        lease: Lease,
        claimed_at: float,
        tokens: int,
        known: Known | None,
        dear: frozenset[str],
    ) -> Succeeded | Reservation:
        """The reservation for a call; or the outcome, if a call that others share brought it."""
        # Others in a call might be for the sites that are too dear for this job now.
        if self._shared and not dear and not (known and known.knows_any):
            passenger = passenger_of(about.job, lease, claimed_at, about.sent, tokens)
            if passenger:
                return await self._ranked_with_others(self._shared, passenger, about, known)
        retry = lease.attempts > 0
        return await self._routes.reserve(about.sent.request, tokens=tokens, retry=retry, dear=dear)

    async def _in_parts(
        self,
        about: ReusingAttempt,
        lease: Lease,
        claimed_at: float,
        several: Sequence[Destination],
        known: Known | None,
        *,
        was_refused: bool = False,
    ) -> Succeeded:
        assert self._large  # noqa: S101  whoever calls this has seen it
        job, sent, usage, tokens = about.job, about.sent, about.usage, 0
        route, model = several[0].routes[0]
        scores = known and known.of(route.site, model)
        if scores:
            # What is known and what is learned belongs to one source.
            several = several[:1]
            tokens = await estimated_tokens(scores.rest(sent.request))
        with self._large.upstream(
            job, lease, claimed_at, several, usage, was_refused=was_refused
        ) as in_parts:
            upstream = ReusingUpstream(in_parts, known, scores) if known and scores else in_parts
            done = await self._rerank(job, lease, claimed_at, upstream, sent, tokens)
        if scores:
            await about.note(scores)
        return done

    async def _ranked_with_others(
        self,
        shared: SharedCalls,
        passenger: Passenger,
        about: ReusingAttempt,
        known: Known | None,
    ) -> Succeeded | Reservation:
        """Rank a job in a call that others share; or the reservation for a call of its own."""
        job, sent, tokens = passenger.job, passenger.sent, passenger.tokens
        usage, asked_at = about.usage, time.monotonic()

        async def rank(upstream: SharedUpstream) -> Succeeded:
            reservation = upstream.reservation
            tell_of_permit(self._events, job, reservation, asked_at)
            scores = known and known.of(reservation.route.site, reservation.model)
            asked = ReusingUpstream(upstream, known, scores) if known and scores else upstream
            with self._calling.during(current_work()):
                try:
                    done = await self._rerank(
                        job, passenger.lease, passenger.claimed_at, asked, sent, tokens
                    )
                except (UpstreamError, TriedTogetherError):
                    estimated = tokens or await estimated_tokens(sent.request)
                    usage.failed(
                        reservation, upstream.fault, estimated=estimated, calls=upstream.calls
                    )
                    raise
            usage.ranked(
                reservation,
                done.answer,
                pairs=len(sent.request.documents),
                estimated=done.measures.estimated_tokens,
                calls=upstream.calls,
            )
            if scores:
                await about.note(scores)
            return done

        return await shared.ranked(passenger, rank)

    async def _rerank(
        self,
        job: Job,
        lease: Lease,
        claimed_at: float,
        upstream: Upstream,
        sent: SentRequest,
        tokens: int = 0,
    ) -> Succeeded:
        return await rerank(
            job,
            attempts=lease.attempts,
            waited_seconds=_waited_seconds(lease, claimed_at),
            upstream=upstream,
            sent=sent,
            tokens=tokens,
            events=self._events,
        )

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


def _waited_seconds(lease: Lease, claimed_at: float) -> float:
    return lease.waited_seconds + time.monotonic() - claimed_at


def _name(outcome: Finish | Postponement) -> str:
    return outcome.state.value if isinstance(outcome, Finish) else "postponed"
