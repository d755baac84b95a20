"""The model of an upstream: limits of all kinds, a latency, and outages."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

REFUSAL_SECONDS: Final = 0.003


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an upstream; None for what it does not limit.

    Attributes:
        per_second: calls a second of a token bucket.
        burst: how many calls the bucket holds.
        rpm: calls in any minute.
        tpm: tokens in any minute.
        concurrency: calls at once.
    """

    per_second: float | None = None
    burst: float = 10.0
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None


@dataclass(slots=True)
class Behaviour:
    """How it answers; may be changed at any time.

    Attributes:
        limits: which calls it admits.
        seconds: how long an answer takes.
        jitter: by what share of `seconds` it varies in both directions.
        out: whether every call fails.
    """

    limits: Limits
    seconds: float = 0.1
    jitter: float = 0.2
    out: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call: when, in seconds, and the answer: 200, 429 or 503."""

    at: float
    status: int


class ModelUpstream:
    """Lets calls in or refuses them, and records all of them.

    Args:
        behaviour: its behaviour at first.
        clock: the time in seconds.
        chance: random numbers for the latency.
    """

    def __init__(self, behaviour: Behaviour, clock: Callable[[], float], chance: Random) -> None:
        self.behaviour = behaviour
        self.arrivals: list[Arrival] = []
        self._clock = clock
        self._chance = chance
        self._in_flight = 0
        self._level = behaviour.limits.burst
        self._level_at = clock()
        self._minute: deque[tuple[float, float]] = deque()
        self._tokens = 0.0

    def begin(self, tokens: float) -> tuple[int, float]:
        """A call arrives; returns its answer, and how many seconds that takes."""
        status = self._status(tokens)
        self.arrivals.append(Arrival(self._clock(), status))
        if status != 200:  # noqa: PLR2004  HTTP's
            return status, REFUSAL_SECONDS
        self._in_flight += 1
        behaviour = self.behaviour
        spread = behaviour.jitter * self._chance.uniform(-1, 1)
        return status, behaviour.seconds * (1 + spread)

    def end(self, status: int) -> None:
        """Its answer has been sent."""
        self._in_flight -= status == 200  # noqa: PLR2004  HTTP's

    def _status(self, tokens: float) -> int:
        if self.behaviour.out:
            return 503
        return 200 if self._admitted(tokens) else 429

    def _admitted(self, tokens: float) -> bool:
        limits, now = self.behaviour.limits, self._clock()
        while self._minute and self._minute[0][0] <= now - 60:
            self._tokens -= self._minute.popleft()[1]
        if limits.concurrency is not None and self._in_flight >= limits.concurrency:
            return False
        if limits.rpm is not None and len(self._minute) >= limits.rpm:
            return False
        if limits.tpm is not None and self._tokens + tokens > limits.tpm:
            return False
        if limits.per_second is not None and not self._has_token(limits.per_second, limits.burst):
            return False
        self._minute.append((now, tokens))
        self._tokens += tokens
        return True

    def _has_token(self, per_second: float, burst: float) -> bool:
        now = self._clock()
        self._level = min(burst, self._level + (now - self._level_at) * per_second)
        self._level_at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
