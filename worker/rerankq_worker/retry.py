"""The retry policy: from an error and what was tried so far, to "wait N seconds" or "give up"."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from rerankq_worker.upstream import Malformed, Refused, Throttled, UpstreamError

THROTTLED_SECONDS: Final = 2.0
"""How long a throttled job waits when the upstream does not say."""
MALFORMED_SHARE: Final = 2
"""A malformed answer rarely heals: half the attempts are enough."""


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
        if isinstance(error, Throttled):
            # Throttling is not failure: no attempt is used, whatever happened before.
            return self._within_age(RetryAfter(self._throttled(error), attempts), age_seconds)
        attempts += 1
        if isinstance(error, Refused) or attempts >= self._most(error):
            return GiveUp(attempts)
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** (attempts - 1))
        delay = self.chance.uniform(0, ceiling)
        return self._within_age(RetryAfter(delay, attempts), age_seconds)

    def _throttled(self, error: Throttled) -> float:
        wait = THROTTLED_SECONDS if error.retry_after is None else error.retry_after
        # Never before the time that was asked for; spread after it.
        return wait + self.chance.uniform(0, max(1.0, wait / 4))

    def _most(self, error: UpstreamError) -> int:
        if isinstance(error, Malformed):
            return max(1, self.max_attempts // MALFORMED_SHARE)
        return self.max_attempts

    def _within_age(self, retry: RetryAfter, age_seconds: float) -> RetryAfter | GiveUp:
        if age_seconds + retry.seconds > self.give_up_seconds:
            return GiveUp(retry.attempts)
        return retry
