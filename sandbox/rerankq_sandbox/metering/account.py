"""One account and its limits."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from rerankq_sandbox.contract import Question
from rerankq_sandbox.metering.bucket import TokenBucket
from rerankq_sandbox.metering.limits import AccountLimits
from rerankq_sandbox.metering.peak import Peak
from rerankq_sandbox.metering.window import Charge, SlidingWindow

Reason = Literal["concurrency", "rate", "requests", "tokens"]


@dataclass(frozen=True, slots=True)
class OverLimit:
    """Why a call is not admitted, and in how many seconds it would be."""

    reason: Reason
    wait: float


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one limit.

    Attributes:
        limit: the whole limit.
        remaining: how much of it is left.
        reset: seconds until nothing of it is used; None if unknown, as for calls in flight.
    """

    limit: int
    remaining: int
    reset: float | None


class Account:
    """Counts an account's calls, and admits those that its limits allow."""

    def __init__(self, limits: AccountLimits) -> None:
        self.limits = limits
        self._requests = SlidingWindow(limits.window_seconds)
        self._tokens = SlidingWindow(limits.window_seconds)
        self._bucket: TokenBucket | None = None
        self._in_flight = 0
        self._peak = Peak(limits.window_seconds)
        self._refused: Counter[Reason] = Counter()
        self.change(limits, 0.0)

    def change(self, limits: AccountLimits, now: float) -> None:
        """Apply other limits at once; what was used stays used."""
        self.limits = limits
        self._requests.seconds = self._tokens.seconds = limits.window_seconds
        self._peak.over(limits.window_seconds)
        if limits.per_second is None:
            self._bucket = None
        elif self._bucket is None:
            self._bucket = TokenBucket(limits.per_second, limits.bucket_size)
        else:
            self._bucket.change(now, limits.per_second, limits.bucket_size)

    def admit(self, question: Question, now: float) -> "Admission | OverLimit":
        """Admit a call, or say why not. An admission must be ended."""
        # Counting tokens takes longer than the rest of a call, so it is done only if needed.
        tokens = question.tokens if self.limits.tpm is not None else 0
        self._peak.count(now, tokens, self.limits.calls_a_window)
        over = self._over(tokens, now)
        if over is None:
            return self._let_in(tokens, now)
        self._refused[over.reason] += 1
        if self.limits.counts == "arrived":
            self._requests.add(now, 1)
            self._tokens.add(now, tokens)
        return over

    def _over(self, tokens: int, now: float) -> OverLimit | None:
        limits, bucket = self.limits, self._bucket
        if limits.concurrency is not None and self._in_flight >= limits.concurrency:
            # Nobody knows when a call will end: gateways say one second.
            return OverLimit("concurrency", 1.0)
        if limits.rpm is not None and self._requests.total(now) >= limits.rpm:
            return OverLimit("requests", self._requests.wait(now, limits.rpm - 1))
        if limits.tpm is not None and self._tokens.total(now) + tokens > limits.tpm:
            return OverLimit("tokens", self._tokens.wait(now, limits.tpm - tokens))
        if bucket is not None and (wait := bucket.wait(now)) > 0:
            return OverLimit("rate", wait)
        return None

    def _let_in(self, tokens: int, now: float) -> "Admission":
        self._in_flight += 1
        if self._bucket is not None:
            self._bucket.take(now)
        charges = (self._requests.add(now, 1), self._tokens.add(now, tokens))
        return Admission(self, charges)

    def end(self, charges: tuple[Charge, Charge], *, well: bool) -> None:
        """An admitted call has ended; `well` if it was answered with a ranking."""
        self._in_flight -= 1
        if not well and self.limits.counts == "served":
            self._requests.void(charges[0])
            self._tokens.void(charges[1])

    def left(self, now: float) -> dict[str, Left]:
        """What is left of each limit: `requests`, `tokens` and `concurrent` calls."""
        limits, left = self.limits, {}
        # Both limits have the same name in the headers: the one with less left is shown.
        if requests := [*_window(self._requests, limits.rpm, now), *self._bucketful(now)]:
            left["requests"] = min(requests, key=lambda each: each.remaining)
        for tokens in _window(self._tokens, limits.tpm, now):
            left["tokens"] = tokens
        if limits.concurrency is not None:
            remaining = max(0, limits.concurrency - self._in_flight)
            left["concurrent"] = Left(limits.concurrency, remaining, None)
        return left

    def _bucketful(self, now: float) -> Iterator[Left]:
        if self._bucket is not None:
            burst, level = self._bucket.burst, self._bucket.level(now)
            yield Left(int(burst), int(level), self._bucket.wait(now, burst))

    def forget(self) -> None:
        """Reset the counts; what was used stays used."""
        self._refused.clear()
        self._peak = Peak(self.limits.window_seconds)

    def report(self, now: float) -> dict[str, Any]:
        """Counts since the start: refusals by reason, and the fullest window."""
        return {
            "refused": dict(self._refused),
            "admitted_in_flight": self._in_flight,
            "window": self._peak.report(now),
        }


def _window(window: SlidingWindow, limit: int | None, now: float) -> Iterator[Left]:
    if limit is not None:
        yield Left(limit, max(0, limit - window.total(now)), window.empties(now))


@dataclass(slots=True)
class Admission:
    """A call that was admitted."""

    account: Account
    charges: tuple[Charge, Charge]

    def end(self, *, well: bool) -> None:
        """The call has ended; `well` if it was answered with a ranking."""
        self.account.end(self.charges, well=well)
