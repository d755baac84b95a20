"""One call by a route, and what its answer means for the key, the model and the account."""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, Self

from rerankq.accounts.breakers import (
    BreakerState,
    Trip,
    account_breaker,
    key_breaker,
    model_breaker,
)
from rerankq.contract import RerankRequest
from rerankq.events import BreakerHalfOpened, JobRef
from rerankq.ledger.failures import NO_PAST, Past
from rerankq_worker.limits.breaker_changes import close_breaker, open_breaker
from rerankq_worker.limits.key_verdicts import ELSEWHERE_SECONDS, PASSING_SECONDS, KeyVerdicts
from rerankq_worker.limits.route import Reservation
from rerankq_worker.limits.routes import Routes
from rerankq_worker.upstream.errors import (
    CHECK_ADDRESS,
    CallTooLarge,
    Cause,
    ContentRefused,
    Deferred,
    KeyRefused,
    Malformed,
    ModelUnavailable,
    NotBegun,
    OutOfCredit,
    QuotaInDoubt,
    Refused,
    Throttled,
    Transient,
    Unreachable,
    UpstreamError,
    WrongEndpoint,
)
from rerankq_worker.upstream.port import Answer, Call

OUT_SECONDS: Final = 5.0

CERTAIN: Final = 10.0
"""Points of a failure that is proof by itself, unless other calls are answered."""

TROUBLE: Final[Mapping[type[UpstreamError], float]] = {
    Unreachable: 2.5,  # never the job's fault
    Transient: 1.0,
    Malformed: 0.5,
    WrongEndpoint: CERTAIN,  # every job gets the same answer
    Refused: CERTAIN,  # only by a site that has never given a ranking
}
"""Points by which a failure shows that the upstream is out; ten within seven seconds are proof."""
ASTRAY: Final = 1.0
"""Points of a `WrongEndpoint` while other calls are ranked: it counts like any other failure."""

SILENT: Final = {Cause.SEND_TIMEOUT, Cause.ANSWER_TIMEOUT, Cause.BODY_TIMEOUT}
"""Causes of calls that ran into a time limit."""

NEVER_RANKED: Final = f"it has never given a ranking: {CHECK_ADDRESS}"
REPEATED: Final = 0.25
"""Factor for a job that has failed before: the fault may be the job's own."""


def _points(error: UpstreamError, attempt: int) -> float:
    kind = next(each for each in type(error).__mro__ if each in TROUBLE)
    never_the_jobs = isinstance(error, Unreachable | WrongEndpoint | Refused)
    return TROUBLE[kind] * (1.0 if attempt == 1 or never_the_jobs else REPEATED)


def _known(error: UpstreamError) -> str:
    """Status and cause, as far as there are any."""
    return ", ".join(str(each) for each in (error.status, error.cause) if each)


def _advice(error: UpstreamError) -> str:
    if error.cause is Cause.REDIRECT:
        return str(error)  # the project's own words; they name the target
    return CHECK_ADDRESS if isinstance(error, WrongEndpoint) else ""


class GuardedCall:
    """A reservation used for at most one call, as an `async with` block.

    Where no call began (the lease was lost, or the job cancelled), permit and turns are put back.

    Args:
        routes: all routes of this worker.
        reservation: the route and permit of this call.
        past: the job's earlier failures.
        may_begin: see `Call`.
        tokens: what the call costs, if the upstream does not tell; None: as its permit says.

    Attributes:
        fault: how the call failed, before it was judged; None if it did not.
    """

    def __init__(
        self,
        routes: Routes,
        reservation: Reservation,
        past: Past = NO_PAST,
        *,
        may_begin: Callable[[], bool] = lambda: True,
        tokens: float | None = None,
    ) -> None:
        self._tokens = tokens
        self._may_begin = may_begin
        self._routes = routes
        self._past = past
        self._breakers = routes.breakers
        self._events = routes.events
        self._reservation = reservation
        self._permits = reservation.route.permits
        self._cost: float | None = None
        self._began = False
        self._job_id = ""
        self.fault: UpstreamError | None = None
        self._called_at = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._began:
            self._routes.release(self._reservation, self._cost)
        else:
            self._routes.put_back(self._reservation)

    async def ask(self, job_id: str, attempt: int, request: RerankRequest) -> Answer:
        """Call the site. See `upstream.Upstream`."""
        reservation, self._began, self._job_id = self._reservation, True, job_id
        self._called_at = self._permits.isolation.now()
        self._tell_of_probes(job_id)
        key = reservation.route.key.authorization
        call = Call(job_id, attempt, request, reservation.model, key, self._may_begin)
        try:
            answer = await self._made(call)
        except NotBegun:
            self._began = False
            raise
        except UpstreamError as error:
            self.fault = error
            met = await self._judged(error, job_id, attempt, request)
            if met is error:
                raise
            raise met from error
        self._cost = answer.total_tokens or self._tokens
        if answer.pause_seconds is not None:
            self._permits.reports.was_asked_to_pause(answer.pause_seconds)
        await self._note_success(ranked=True)
        return answer

    async def _made(self, call: Call) -> Answer:
        """Make the call. A trial will most likely fail, so its time limit is short."""
        provider = self._reservation.route.provider
        if not self._reservation.permit.trial:
            return await provider.rerank(call)
        seconds = self._permits.isolation.trial_seconds
        try:
            async with asyncio.timeout(seconds):
                return await provider.rerank(call)
        except TimeoutError:
            raise Transient(
                f"no answer within the {seconds:g} seconds of a trial", cause=Cause.ANSWER_TIMEOUT
            ) from None

    async def _note_success(self, *, ranked: bool) -> None:
        self._permits.went_well(self._reservation.permit)
        if ranked:
            self._permits.gave_ranking(self._reservation.route.key.id, self._called_at)
            site, model = self._reservation.route.site.name, self._reservation.model
            self._routes.ranked_models.ranked(site, model)
        self._breakers.outliers.answered(self._permits.account.name, self._reservation.model)
        cleared = self._breakers.cleared(self._reservation, ranked=ranked)
        if cleared:
            await close_breaker(self._breakers, cleared)

    async def _judged(
        self, error: UpstreamError, job_id: str, attempt: int, request: RerankRequest
    ) -> UpstreamError:
        """Apply what the error means for other calls; returns the error for this job."""
        match error:
            case Throttled():
                self._note_cause(error)
                self._permits.was_throttled(error.retry_after)
                if isinstance(error, QuotaInDoubt):
                    await self._open_breaker(
                        self._key, Trip(OutOfCredit.code, str(error), certain_after=3)
                    )
            case KeyRefused():
                verdicts = KeyVerdicts(self._breakers, self._reservation, self._past)
                return await verdicts.refused(error, job_id, request, began=self._called_at)
            case ModelUnavailable():
                await self._open_breaker(self._model, Trip(error.code, str(error), certain_after=3))
            case Transient() | Malformed():
                return await self._in_trouble(error, attempt)
            case Refused():
                return await self._refused(error, attempt)
        return error

    async def _refused(self, error: Refused, attempt: int) -> UpstreamError:
        """The request was refused: the fault is the request's, or that of an unproven site."""
        if error.status is None or error.status < HTTPStatus.BAD_REQUEST:
            # There was no answer that could show that the upstream is well.
            return Deferred.because_of(error, OUT_SECONDS) if self._out else error
        if isinstance(error, CallTooLarge) and not self._permits.rankings.proven:
            # It may be the first job ever. Its parts show what there is at that address.
            return error
        # A server that judges the content is a rerank endpoint, even if it has never ranked.
        if not self._permits.rankings.proven and not isinstance(error, ContentRefused):
            return await self._in_trouble(error, attempt)
        await self._note_success(ranked=False)
        return error

    async def _in_trouble(self, error: UpstreamError, attempt: int) -> UpstreamError:
        """The call failed: the fault is the upstream's, one model's, this worker's or the job's."""
        permits, past, rankings = self._permits, self._past, self._permits.rankings
        error.ends_job = rankings.proven
        if isinstance(error, Malformed) and not past.pattern:
            rankings.malformed.count_malformed()
        error.alone = rankings.within(past.failing_seconds) and not rankings.malformed.is_common
        error.passing = rankings.within(PASSING_SECONDS)
        ranks = rankings.lately()
        astray = isinstance(error, WrongEndpoint)
        points = ASTRAY if astray and ranks else _points(error, attempt)
        free = self._noted(error)
        of_one_model = rankings.proven and not isinstance(error, WrongEndpoint | Unreachable)
        trip = Trip(error.code, str(error), certain_after=3)
        if (
            of_one_model
            and self._breakers.outliers.failed(
                permits.account.name, self._reservation.model, points
            )
            and await self._open_breaker(self._model, trip)
        ):
            # Other models are answered, so the account stays usable for them.
            return Deferred.because_of(error, OUT_SECONDS)
        self._note_cause(error, NEVER_RANKED if not rankings.proven else _advice(error))
        if isinstance(error, Unreachable):
            permits.reports.was_not_reached(points)
        elif astray:
            permits.reports.went_astray(points, error.retry_after)
        else:
            permits.reports.had_trouble(points, error.retry_after)
        # A time-out may be the job's own fault, and a few such jobs can make a worker look cut off.
        # So a time-out uses an attempt even then.
        pays = error.cause in SILENT and not free and not self._reservation.permit.trial
        if permits.cut_off and not pays:
            return Deferred.because_of(error, 0.0)
        if free:
            return Deferred.because_of(error, ELSEWHERE_SECONDS)
        if isinstance(error, Refused):
            return Deferred.because_of(error, OUT_SECONDS, NEVER_RANKED)
        # If other jobs were ranked since this job's last failure, the fault may be the job's.
        may_be_the_job = rankings.proven and rankings.within(past.failed_seconds)
        if self._out or (astray and not ranks and not may_be_the_job):
            return Deferred.because_of(error, OUT_SECONDS)
        if astray:
            error.ends_job = may_be_the_job
        return error

    def _noted(self, error: UpstreamError) -> bool:
        """Record that a call failed; returns whether this worker alone may be at fault."""
        isolation, silent = self._permits.isolation, error.cause in SILENT
        free = isolation.is_free(self._job_id, silent=silent)
        isolation.failed(
            self._job_id,
            _known(error) or error.code,
            began=self._called_at,
            silent=silent,
            lost=isinstance(error, Unreachable),
        )
        if self._reservation.permit.trial:
            isolation.trial_failed(silent=silent)
        return free

    def _note_cause(self, error: UpstreamError, advice: str = "") -> None:
        cause = f"{error.code} ({_known(error) or 'no answer'})"
        self._permits.reports.note_cause(f"{cause}: {advice}" if advice else cause)

    @property
    def _out(self) -> bool:
        """Whether the upstream is known to be out: then a failed call costs the job no attempt."""
        return self._permits.status.is_out or self._reservation.permit.probe

    @property
    def _key(self) -> str:
        return key_breaker(self._reservation.route.site.name, self._reservation.route.key.id)

    @property
    def _model(self) -> str:
        return model_breaker(self._reservation.route.site.name, self._reservation.model)

    async def _open_breaker(self, name: str, trip: Trip) -> BreakerState | None:
        return await open_breaker(self._breakers, self._permits, name, trip)

    def _tell_of_probes(self, job_id: str) -> None:
        """Tell the listeners which breakers this call probes."""
        names = self._reservation.turns
        if self._reservation.permit.probe:
            names += (account_breaker(self._permits.account.name),)
        for name in names:
            self._events.tell(BreakerHalfOpened(breaker=name, job=JobRef(job_id)))
