"""The retry policy: from an error and what was tried so far, to "wait N seconds" or "give up"."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from rerankq_worker.upstream import (
    Deferred,
    KeyRefused,
    Malformed,
    ModelUnavailable,
    QuotaInDoubt,
    Refused,
    Throttled,
    Transient,
    UpstreamError,
)


@dataclass(frozen=True, slots=True)
class Free:
    """Uses no attempt: the job waits `seconds`, and a little more.

    Attributes:
        ages: whether the job's age bounds that; else only its own deadline does.
    """

    seconds: float
    ages: bool = True


@dataclass(frozen=True, slots=True)
class Counted:
    """Uses an attempt: `share` of the most attempts are allowed, and one at least."""

    share: float


BUDGETS: Final[Mapping[type[UpstreamError], Free | Counted]] = {
    Throttled: Free(seconds=2.0),  # when the upstream does not say how long
    QuotaInDoubt: Free(seconds=30.0),  # a few slow tries tell throttling from an empty account
    KeyRefused: Free(seconds=60.0, ages=False),  # until an operator has looked at the key
    ModelUnavailable: Free(seconds=30.0),  # a channel may come back; a wrong name never does
    Deferred: Free(seconds=5.0),  # it says itself how long, and whether its age bounds that
    Transient: Counted(share=1.0),
    Malformed: Counted(share=0.5),  # it rarely heals
    Refused: Counted(share=0.0),  # permanent: once is enough
    UpstreamError: Counted(share=1.0),
}
"""What each class of error may cost a job; a class that is not here has its parent's."""


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again in `seconds`, `attempts` having been used by then."""

    seconds: float
    attempts: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again; `attempts` were used."""

    attempts: int


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, bounded in attempts and in the job's age.

    Full jitter (a uniform draw from zero to the exponential ceiling) spreads the jobs that
    failed together; see "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    max_attempts: int = 5
    base_seconds: float = 1.0
    cap_seconds: float = 60.0
    give_up_seconds: float = 86_400.0
    chance: Random = field(default_factory=Random)

    def decide(
        self, error: UpstreamError, *, attempts: int, age_seconds: float
    ) -> RetryAfter | GiveUp:
        """What to do after `error`.

        Args:
            error: what went wrong this time.
            attempts: attempts used before this one.
            age_seconds: time since the job was accepted.
        """
        budget = _budget(error)
        if isinstance(budget, Free):
            retry = RetryAfter(self._wait(error, budget), attempts)
            # A job that nobody asked for, or in vain as everybody did, is not given up for that.
            ages = error.ages if isinstance(error, Deferred) else budget.ages
            return self._within_age(retry, age_seconds) if ages else retry
        attempts += 1
        if attempts >= max(1, int(self.max_attempts * budget.share)):
            return GiveUp(attempts)
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** (attempts - 1))
        wait = self.chance.uniform(0, ceiling)
        if error.retry_after is not None:
            wait = max(wait, self._spread(error.retry_after))
        return self._within_age(RetryAfter(wait, attempts), age_seconds)

    def _wait(self, error: UpstreamError, budget: Free) -> float:
        match error:
            case Deferred(seconds=seconds):
                return self._spread(seconds)
            case Throttled() if error.retry_after is not None:
                return self._spread(error.retry_after)
            case _:
                return self._spread(max(budget.seconds, error.retry_after or 0.0))

    def _spread(self, wait: float) -> float:
        """A time never before the one that was asked for, and not the same for all."""
        return wait + self.chance.uniform(0, max(1.0, wait / 4))

    def _within_age(self, retry: RetryAfter, age_seconds: float) -> RetryAfter | GiveUp:
        if age_seconds + retry.seconds > self.give_up_seconds:
            return GiveUp(retry.attempts)
        return retry


def _budget(error: UpstreamError) -> Free | Counted:
    return next(BUDGETS[kind] for kind in type(error).__mro__ if kind in BUDGETS)
