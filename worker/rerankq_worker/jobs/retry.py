"""The retry policy: from an error and what was tried so far, to "wait N seconds" or "give up"."""

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
"""The longest that a job waits before a connection is tried again for it."""
PASSING_CEILING_SECONDS: Final = 3.0
PASSING_ATTEMPTS: Final = 8
"""While others are ranked, the next tries need not wait as for an outage. When so many have failed,
it is the job, or luck is no explanation."""
MOST_WAIT_SECONDS: Final = 60.0
"""The longest that one job waits because the upstream asked it to: as long as usual windows are.
When it means everybody, the account is paused for longer, and jobs wait for that in their queue."""
PASSING_WAIT_SECONDS: Final = 10.0
"""And after a failure while others are ranked: then it was one of several servers that asked."""


@dataclass(frozen=True, slots=True)
class Free:
    """Uses no attempt: the job waits `seconds`, and a little more.

    Attributes:
        ages: whether the job's age bounds that; else only its own deadline does.
    """

    seconds: float
    ages: bool = True


FREE: Final[Mapping[type[UpstreamError], Free]] = {
    Throttled: Free(seconds=2.0),  # when the upstream does not say how long
    QuotaInDoubt: Free(seconds=30.0),  # a few slow tries tell throttling from an empty account
    KeyRefused: Free(seconds=60.0, ages=False),  # until an operator has looked at the key
    ModelUnavailable: Free(seconds=30.0),  # a channel may come back; a wrong name never does
    Unreachable: Free(seconds=1.0, ages=False),  # it was not even seen, let alone paid for
    Deferred: Free(seconds=5.0),  # it says itself how long, and whether its age bounds that
}
"""What uses no attempt. A class that is not here has its parent's, and any other uses one."""


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again in `seconds`, `attempts` having been used by then.

    Attributes:
        failure: why, as whoever looks at the job is told; None where it is only handed back.
    """

    seconds: float
    attempts: int
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again; `attempts` were used."""

    attempts: int


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, bounded in attempts and in time.

    A job is given up when both its attempts and `min_retry_seconds` are used up: attempts alone are
    gone within seconds, and so would be every job that meets a short outage. Answers that are wrong
    in the same way each time, while others are given rankings, need no more proof than attempts.

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
            past: what the job has met before.
        """
        free = _free(error)
        if free:
            wait = self._wait(error, free, age_seconds)
            # A job that nobody asked for, or in vain as everybody did, is not given up for that.
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
                # Nothing counts these tries: the longer it has waited, the longer it waits.
                longest = min(CONNECT_CEILING_SECONDS, max(free.seconds, age_seconds))
                return self.chance.uniform(0, longest)
            case _:
                asked = min(MOST_WAIT_SECONDS, error.retry_after or 0.0)
                return self._spread(max(free.seconds, asked))

    def _spread(self, wait: float) -> float:
        """A time never before the one that was asked for, and not the same for all."""
        return wait + self.chance.uniform(0, max(1.0, wait / 4))


def repeats(error: UpstreamError, past: Past) -> int:
    """How often in a row, with this time, an answer was wrong in this way; 0 for what is none."""
    if not error.pattern:
        return 0
    return past.repeats + 1 if error.pattern == past.pattern else 1


def _failure(error: UpstreamError, past: Past) -> Failure:
    return Failure(error.code, str(error), error.status, error.pattern, repeats(error, past))


def _free(error: UpstreamError) -> Free | None:
    return next((FREE[kind] for kind in type(error).__mro__ if kind in FREE), None)
