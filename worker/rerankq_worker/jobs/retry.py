"""The retry policy: after an error, decides "wait N seconds and try again" or "give up"."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from rerankq.ledger.failures import NO_PAST, Failure, Past
from rerankq_worker.upstream.errors import (
    Deferred,
    KeyRefused,
    ModelUnavailable,
    QuotaInDoubt,
    Refused,
    Throttled,
    Unreachable,
    UpstreamError,
)

CONNECT_CEILING_SECONDS: Final = 15.0
"""The longest that a job waits before it tries to connect again."""
PASSING_CEILING_SECONDS: Final = 3.0
PASSING_ATTEMPTS: Final = 8
"""While other jobs are ranked, there is no outage to wait for: a job's next attempts come soon.
After this many failures it is no longer bad luck, and the job waits for longer."""
MOST_WAIT_SECONDS: Final = 60.0
"""The longest that one job waits because the upstream asked it to: most rate limits have windows
of this length. If the upstream asks everybody to wait longer, the account is paused, and jobs stay
in their queue."""
PASSING_WAIT_SECONDS: Final = 10.0
"""The same while other jobs are ranked: then only one of several servers asked for a wait."""


@dataclass(frozen=True, slots=True)
class Free:
    """A failure that uses no attempt: the job waits `seconds`, and a little more.

    Attributes:
        ages: whether the job is given up at a certain age; else only at its own deadline.
    """

    seconds: float
    ages: bool = True


FREE: Final[Mapping[type[UpstreamError], Free]] = {
    Throttled: Free(seconds=2.0),  # if the upstream does not say how long
    QuotaInDoubt: Free(seconds=30.0),  # a few slow tries tell throttling from an empty account
    KeyRefused: Free(seconds=60.0, ages=False),  # until an operator has looked at the key
    ModelUnavailable: Free(seconds=30.0),  # the model may come back; a wrong name will not
    Unreachable: Free(seconds=1.0, ages=False),  # the upstream never saw the request
    Deferred: Free(seconds=5.0),  # the error itself says how long, and whether age counts
}
"""Errors that use no attempt. A class not listed is treated as its parent; all others use one."""


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again in `seconds`; `attempts` have been used so far.

    Attributes:
        failure: why, for people who look at the job; None if the job is only given back.
    """

    seconds: float
    attempts: int
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again; `attempts` have been used."""

    attempts: int


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, bounded in attempts and in time.

    A job is given up when both its attempts and `min_retry_seconds` are used up. Attempts alone are
    used up within seconds, so a short outage would end every job that meets it. But if a job gets
    the same wrong answer each time, while other jobs are ranked, its attempts alone are enough.

    Full jitter (a uniform draw from zero to the exponential ceiling) spreads the jobs that
    failed together; see "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    max_attempts: int = 5
    min_retry_seconds: float = 300.0
    base_seconds: float = 1.0
    cap_seconds: float = 60.0
    give_up_seconds: float = 86_400.0
    chance: Random = field(default_factory=Random)

    def decide(
        self, error: UpstreamError, *, attempts: int, age_seconds: float, past: Past = NO_PAST
    ) -> RetryAfter | GiveUp:
        """What to do after `error`.

        Args:
            error: what went wrong this time.
            attempts: attempts used before this one.
            age_seconds: time since the job was accepted.
            past: the job's earlier failures.
        """
        free = _free(error)
        if free:
            wait = self._wait(error, free, age_seconds)
            # Age does not end a job while no call can be made for it, or while every call fails.
            ages = error.ages if isinstance(error, Deferred) else free.ages
        else:
            attempts += 1
            if error.ends_job and self._is_last(error, attempts, past):
                return GiveUp(attempts)
            wait, ages = self._backoff(error, attempts), error.ends_job
        if ages and age_seconds + wait > self.give_up_seconds:
            return GiveUp(attempts)
        return RetryAfter(wait, attempts, _failure(error, past))

    def _is_last(self, error: UpstreamError, attempts: int, past: Past) -> bool:
        """Whether the attempt that has just failed was the job's last."""
        if isinstance(error, Refused):
            return True  # permanent: once is enough
        if attempts < self.max_attempts:
            return False
        always_alike = repeats(error, past) >= self.max_attempts
        return past.failing_seconds >= self.min_retry_seconds or (always_alike and error.alone)

    def _backoff(self, error: UpstreamError, attempts: int) -> float:
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempts - 1, 30))
        if error.passing and attempts <= PASSING_ATTEMPTS:
            ceiling = min(ceiling, PASSING_CEILING_SECONDS)
        wait = self.chance.uniform(0, ceiling)
        if error.retry_after is None:
            return wait
        passing = error.passing and attempts <= PASSING_ATTEMPTS
        most = PASSING_WAIT_SECONDS if passing else MOST_WAIT_SECONDS
        return max(wait, self._spread(min(most, error.retry_after)))

    def _wait(self, error: UpstreamError, free: Free, age_seconds: float) -> float:
        match error:
            case Deferred(seconds=seconds):
                return self._spread(seconds)
            case Throttled() if error.retry_after is not None:
                return self._spread(min(MOST_WAIT_SECONDS, error.retry_after))
            case Unreachable():
                # These tries are not counted, so the wait grows with the job's age instead.
                longest = min(CONNECT_CEILING_SECONDS, max(free.seconds, age_seconds))
                return self.chance.uniform(0, longest)
            case _:
                asked = min(MOST_WAIT_SECONDS, error.retry_after or 0.0)
                return self._spread(max(free.seconds, asked))

    def _spread(self, wait: float) -> float:
        """`wait` and a random time more, so that jobs do not come back all at once."""
        return wait + self.chance.uniform(0, max(1.0, wait / 4))


def repeats(error: UpstreamError, past: Past) -> int:
    """How many answers in a row, this one included, were wrong in this way; 0 without an answer."""
    if not error.pattern:
        return 0
    return past.repeats + 1 if error.pattern == past.pattern else 1


def _failure(error: UpstreamError, past: Past) -> Failure:
    again = repeats(error, past)
    return Failure(
        *(error.code, str(error), error.status, error.pattern, again), request_id=error.request_id
    )


def _free(error: UpstreamError) -> Free | None:
    return next((FREE[kind] for kind in type(error).__mro__ if kind in FREE), None)
