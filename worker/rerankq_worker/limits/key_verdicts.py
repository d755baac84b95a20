"""What the refusal of a key means: for the key, for this worker, and for the job that met it."""

from dataclasses import replace
from typing import Final

from rerankq.accounts.breakers import BreakerState, Trip, key_breaker
from rerankq.contract import RerankRequest
from rerankq.ledger.failures import Past
from rerankq_worker.limits.breaker_changes import open_breaker
from rerankq_worker.limits.breakers import Breakers
from rerankq_worker.limits.route import Reservation
from rerankq_worker.upstream.errors import BadKey, Deferred, KeyInDoubt, KeyRefused, UpstreamError

ELSEWHERE_SECONDS: Final = 1.0
"""How long a job waits if its key was refused, or if its worker seems cut off. After that it may
use another key, site or worker."""
PROBED_SECONDS: Final = 90.0
"""The same after a probe, where no other route is usable: longer than the time between two probes,
so that another job makes the next one."""
DOUBTED_SECONDS: Final = 2.0
"""The same where the key is only suspected: its probes are a second apart."""
SUSPECTED_STRIKES: Final = 4
SUSPECTED_SECONDS: Final = 1.0
"""A suspected key that gave rankings lately is out of use at once. It is parked when three probes,
each a second after the last, are refused too."""
NEVER_CERTAIN: Final = 2**31
"""More strikes than ever happen: the refusals of a single job never park a key."""
PASSING_SECONDS: Final = 30.0
"""If a ranking came within this time, the site fails single calls at most: it is not out."""


class KeyVerdicts:
    """Judges the refusal of a key that one call met.

    Args:
        breakers: the breakers of this worker.
        reservation: of the call.
        past: the job's earlier failures.
    """

    def __init__(self, breakers: Breakers, reservation: Reservation, past: Past) -> None:
        self._breakers = breakers
        self._reservation = reservation
        self._past = past
        self._permits = reservation.route.permits
        self._key = reservation.route.key.id

    async def refused(
        self, error: KeyRefused, job_id: str, request: RerankRequest, *, began: float
    ) -> UpstreamError:
        """Apply what the refusal means for other calls; returns the error for this job.

        Args:
            error: the refusal.
            job_id: the call's job.
            request: what the call asked for.
            began: when the call began, by the clock of `Isolation`.
        """
        permits, suspicions = self._permits, self._permits.suspicions
        if permits.cut_off:
            if self._reservation.permit.trial:
                permits.isolation.trial_failed(silent=False)
            return Deferred.because_of(error, 0.0)
        in_flight = permits.in_flight
        is_suspect = suspicions.refused(self._key, job_id, began=began, in_flight=in_flight)
        lately = permits.rankings.lately(self._key)
        if lately and not is_suspect:
            return self._in_doubt(error)
        is_known = lately or (isinstance(error, BadKey) and permits.rankings.proven)
        if is_known and not suspicions.blames_key(self._key):
            suspicions.hold(self._key)
            permits.reports.ask_soon()
            return Deferred.because_of(error, ELSEWHERE_SECONDS)
        return await self._opened(error, request, lately=lately)

    def _in_doubt(self, error: KeyRefused) -> KeyInDoubt:
        """The refusal may be the job's own fault, so it counts as an ordinary failure."""
        rankings, doubted = self._permits.rankings, KeyInDoubt(error)
        doubted.ends_job = rankings.within(self._past.failed_seconds)
        doubted.passing = rankings.within(PASSING_SECONDS)
        return doubted

    async def _opened(
        self, error: KeyRefused, request: RerankRequest, *, lately: bool
    ) -> UpstreamError:
        """Open the key's breaker: the key is refused to all jobs, or only to this one."""
        permits, trip = self._permits, Trip(error.code, str(error))
        # In a quiet queue all refusals may be of a single job, for its own content.
        may_be_the_job = (
            isinstance(error, BadKey)
            and permits.rankings.proven
            and permits.suspicions.is_of_one_job(self._key)
        )
        if lately:
            trip = replace(trip, certain_after=SUSPECTED_STRIKES, doubt_seconds=SUSPECTED_SECONDS)
        elif may_be_the_job:
            trip = replace(trip, certain_after=NEVER_CERTAIN, doubt_seconds=SUSPECTED_SECONDS)
        name = key_breaker(self._reservation.route.site.name, self._key)
        state = await open_breaker(self._breakers, permits, name, trip)
        if not state:
            # The breaker did not open, so only a long wait keeps the job from coming back at once.
            return error
        permits.suspicions.breaker_opened(self._key)
        # The key may be barred from this job only: let another job make the next probe.
        alone = self._reservation.turns and not self._breakers.is_usable_elsewhere(
            self._reservation, request
        )
        for_long = state is BreakerState.PARKED or may_be_the_job
        away = PROBED_SECONDS if for_long else DOUBTED_SECONDS
        return Deferred.because_of(error, away if alone else ELSEWHERE_SECONDS)
