"""How a claimed job gets its ranking: by known scores, or in a shared call, one or several."""

import time
from collections.abc import Sequence
from contextlib import closing

from rerankq.contract import Job
from rerankq.events import (
    Events,
)
from rerankq.ledger.leases import Lease
from rerankq_worker.jobs.calling import Calling, current_work
from rerankq_worker.jobs.calls_in_parts import HandedBackError
from rerankq_worker.jobs.certain_leases import CertainLeases
from rerankq_worker.jobs.cheap_hours import NO_SITES, CheapHoursWait
from rerankq_worker.jobs.large_jobs import LargeJobs
from rerankq_worker.jobs.long_documents import LongDocumentCutter
from rerankq_worker.jobs.passenger import Passenger, passenger_of
from rerankq_worker.jobs.permit_event import tell_of_permit
from rerankq_worker.jobs.rerank import (
    Succeeded,
    estimated_tokens,
    rerank,
)
from rerankq_worker.jobs.reusing import ReusingAttempt, ReusingUpstream
from rerankq_worker.jobs.sent_request import SentRequest
from rerankq_worker.jobs.shared_calls import SharedCalls, SharedUpstream, TriedTogetherError
from rerankq_worker.jobs.usage import AttemptUsage
from rerankq_worker.limits.destinations import Destination
from rerankq_worker.limits.guarded_call import GuardedCall
from rerankq_worker.limits.route import Reservation
from rerankq_worker.limits.routes import Routes
from rerankq_worker.reuse.score_reuse import Known, ScoreReuse
from rerankq_worker.upstream.errors import CallTooLarge, UpstreamError
from rerankq_worker.upstream.port import Upstream


class JobRanking:
    """Ranks jobs that this worker has claimed.

    Args:
        routes: the routes to the upstream.
        certain: tells which leases are certain.
        calling: the jobs that have calls in flight.
        cutter: does what is wanted with documents that a model cannot read whole.
        large: ranks jobs that need several calls; None where no job is divided.
        shared: lets small jobs of one query share calls; None where each has its own.
        reuse: knows scores of earlier calls; None for calls for all documents.
        cheap_hours: lets jobs wait for hours in which they cost less; None if no site has them.
        events: told how long jobs waited for permits.
    """

    def __init__(
        self,
        routes: Routes,
        certain: CertainLeases,
        calling: Calling,
        *,
        cutter: LongDocumentCutter,
        large: LargeJobs | None,
        shared: SharedCalls | None,
        reuse: ScoreReuse | None,
        cheap_hours: CheapHoursWait | None,
        events: Events,
    ) -> None:
        self._routes = routes
        self._certain = certain
        self._calling = calling
        self._cutter = cutter
        self._large = large
        self._shared = shared
        self._reuse = reuse
        self._cheap_hours = cheap_hours
        self._events = events

    async def of(self, job: Job, lease: Lease, claimed_at: float, usage: AttemptUsage) -> Succeeded:
        """Rank a job.

        Args:
            job: the job.
            lease: under which this worker has it.
            claimed_at: when its claim was sent, by the monotonic clock in seconds.
            usage: collects what its calls have used.

        Raises:
            UpstreamError: there is no ranking.
            LeaseLostError: another worker has the job.
            HandedBackError: the worker shuts down before its next call.
            CostsLessLaterError: it waits for hours in which it costs less.
        """
        sent = SentRequest(job.request, await self._cutter.cut(job.request))
        about = ReusingAttempt(job, sent, lease.attempts, usage, self._events)
        known = await about.known(self._reuse)
        if known is None:
            return await self._asked(about, lease, claimed_at)
        with closing(known):
            if known.first.is_whole:
                return await about.without_a_call(known.first, waited_seconds(lease, claimed_at))
            return await self._asked(about, lease, claimed_at, known)

    async def _asked(
        self, about: ReusingAttempt, lease: Lease, claimed_at: float, known: Known | None = None
    ) -> Succeeded:
        job, sent, dear = about.job, about.sent, NO_SITES
        if self._cheap_hours:
            age = waited_seconds(lease, claimed_at)
            dear = await self._cheap_hours.dear_sites(job, attempts=lease.attempts, age=age)
        if self._large and (several := self._routes.destinations.of(sent.request, dear)):
            return await self._in_parts(about, lease, claimed_at, several, known)
        tokens, asked_at = await self._tokens(sent, known), time.monotonic()
        ranked = await self._reserved(about, lease, claimed_at, tokens, known, dear)
        if isinstance(ranked, Succeeded):
            return ranked
        reservation = ranked
        tell_of_permit(self._events, job, reservation, asked_at)
        try:
            return await self._in_one_call(about, lease, claimed_at, reservation, tokens, known)
        except CallTooLarge:
            where = self._routes.destinations.after_refusal(reservation.route, reservation.model)
            if not self._large or not where or len(sent.request.documents) == 1:
                raise
            if self._calling.ending:
                raise HandedBackError from None
        return await self._in_parts(about, lease, claimed_at, [where], known, was_refused=True)

    async def _in_one_call(
        self,
        about: ReusingAttempt,
        lease: Lease,
        claimed_at: float,
        reservation: Reservation,
        tokens: int,
        known: Known | None,
    ) -> Succeeded:
        job, sent, usage = about.job, about.sent, about.usage
        sure_at = claimed_at

        def is_sure() -> bool:
            return self._certain.is_certain(lease, sure_at)

        async with GuardedCall(self._routes, reservation, lease.past, may_begin=is_sure) as guarded:
            scores = known and known.of(reservation.route.site, reservation.model)
            if scores and scores.is_whole:
                waited = waited_seconds(lease, claimed_at)
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
            waited_seconds=waited_seconds(lease, claimed_at),
            upstream=upstream,
            sent=sent,
            tokens=tokens,
            events=self._events,
        )


def waited_seconds(lease: Lease, claimed_at: float) -> float:
    """Seconds since the job might run for the first time."""
    return lease.waited_seconds + time.monotonic() - claimed_at
