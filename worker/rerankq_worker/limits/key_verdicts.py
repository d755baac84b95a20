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
"""How long a job is sent away that may go by another key or site, or by another worker: its key was
refused, or all that this worker called failed."""
PROBED_SECONDS: Final = 90.0
"""And when it was a probe, and all else is closed too: longer than from probe to probe."""
DOUBTED_SECONDS: Final = 2.0
"""And when the key is only suspected, so that probes are a second apart."""
SUSPECTED_STRIKES: Final = 4
SUSPECTED_SECONDS: Final = 1.0
"""A key by which jobs were ranked a moment ago is out of use when it is suspected, and is parked
when three probes, each a second after the last, are refused as well."""
NEVER_CERTAIN: Final = 2**31
"""Strikes that nobody counts up to: one job alone parks no key."""
PASSING_SECONDS: Final = 30.0
"""A ranking of that long ago shows that the site was no further out than for single calls."""


class KeyVerdicts:
    """The refusals of a key that one call meets.

    Args:
        breakers: what is closed.
        reservation: by which the call was made.
        past: what its job has met before.
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
        """Draw the consequences for others; returns the error that the job meets.

        Args:
            error: the refusal.
            job_id: whose call it was.
            request: what it asked for.
            began: when the call did, by the clock of `Isolation`.
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
            permits.wanted()
            return Deferred.because_of(error, ELSEWHERE_SECONDS)
        return await self._closed(error, request, lately=lately)

    def _in_doubt(self, error: KeyRefused) -> KeyInDoubt:
        """It may be the job's own fault: a failure like any other."""
        rankings, doubted = self._permits.rankings, KeyInDoubt(error)
        doubted.ends_job = rankings.within(self._past.failed_seconds)
        doubted.passing = rankings.within(PASSING_SECONDS)
        return doubted

    async def _closed(
        self, error: KeyRefused, request: RerankRequest, *, lately: bool
    ) -> UpstreamError:
        """Nobody is served by this key, or it is one job alone that is not."""
        permits, trip = self._permits, Trip(error.code, str(error))
        # Where nobody else comes, one job that is refused for its own sake is met again and again.
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
            # Nothing holds the job up where it could come back at once: it waits for long.
            return error
        permits.suspicions.closed(self._key)
        # Perhaps it is the job that the key may not do: the next probe is another's.
        alone = self._reservation.turns and not self._breakers.open_elsewhere(
            self._reservation, request
        )
        for_long = state is BreakerState.PARKED or may_be_the_job
        away = PROBED_SECONDS if for_long else DOUBTED_SECONDS
        return Deferred.because_of(error, away if alone else ELSEWHERE_SECONDS)
