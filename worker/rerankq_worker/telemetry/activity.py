"""Counts what a worker does, for a line a minute: plain counters, so that a job costs nothing."""

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from rerankq.contract import JobState, RerankRequest
from rerankq.ledger.leases import Finish, Postponement
from rerankq_worker.upstream.port import Answer, Call, Provider, UpstreamError

HANDED_BACK: Final = "handed_back"
"""Why a job waits that another worker may take at once."""
RETRY: Final = "retry"
"""Why one waits of which no more is known than that it is to be tried again."""

_SHORTEST: Final = 0.0005
_STEP: Final = math.log(1.1)
_MOST_STEPS: Final = 200
"""Steps of ten percent, from half a millisecond to a day."""


class Durations:
    """Counts durations by size, so that shares of them can be told within five percent."""

    def __init__(self) -> None:
        self._counts = [0] * _MOST_STEPS
        self.count = 0

    def add(self, seconds: float) -> None:
        """Count one."""
        step = int(math.log(max(seconds, _SHORTEST) / _SHORTEST) / _STEP)
        self._counts[min(step, _MOST_STEPS - 1)] += 1
        self.count += 1

    def quantile(self, share: float) -> float:
        """Within so many seconds ended that share of them; 0 of none."""
        left = share * self.count
        for step, count in enumerate(self._counts):
            left -= count
            if left <= 0 < self.count:
                return _SHORTEST * math.exp((step + 0.5) * _STEP)
        return 0.0


@dataclass(slots=True)
class Counts:
    """What happened in a while.

    Attributes:
        done: jobs that have their ranking.
        failed: jobs that will have none, by reason.
        waits: jobs put off, by reason.
        calls: how long each call took that brought a ranking, in seconds.
        errors: calls that brought none, by reason.
    """

    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    calls: Durations = field(default_factory=Durations)
    errors: Counter[str] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.done or self.failed or self.waits or self.calls.count or self.errors)


class Activity:
    """Counts, from one look at them to the next."""

    def __init__(self) -> None:
        self.counts = Counts()

    def take(self) -> Counts:
        """What happened since this was called before."""
        taken, self.counts = self.counts, Counts()
        return taken

    def came_to(self, outcome: Finish | Postponement) -> None:
        """An attempt at a job has ended."""
        counts = self.counts
        match outcome:
            case Finish(state=JobState.SUCCEEDED):
                counts.done += 1
            case Finish(reason=reason):
                counts.failed[reason or "unknown"] += 1
            case Postponement():
                failure = getattr(outcome, "failure", None)
                why = HANDED_BACK if outcome.delay_seconds == 0 else RETRY
                counts.waits[failure.code if failure else why] += 1


class ObservedProvider:
    """A provider whose calls are counted.

    Args:
        provider: makes them.
        activity: where they are counted.
    """

    def __init__(self, provider: Provider, activity: Activity) -> None:
        self._provider = provider
        self._activity = activity

    def check(self, request: RerankRequest, model: str) -> None:
        """See `upstream.Provider`."""
        self._provider.check(request, model)

    async def reach(self) -> None:
        """See `upstream.Provider`."""
        await self._provider.reach()

    async def rerank(self, call: Call) -> Answer:
        """See `upstream.Provider`."""
        began = time.monotonic()
        try:
            answer = await self._provider.rerank(call)
        except UpstreamError as error:
            self._activity.counts.errors[error.code] += 1
            raise
        self._activity.counts.calls.add(time.monotonic() - began)
        return answer
