"""Counts a worker's events for the line that is logged each minute. Plain counters are cheap."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from rerankq.events import (
    RANKED,
    CallFinished,
    Events,
    JobExpired,
    JobFailed,
    JobReleased,
    JobRetried,
    JobSucceeded,
)

EXPIRED: Final = "deadline_passed"
HANDED_BACK: Final = "handed_back"
"""The reason of a job that was given back for another worker to take at once."""

_SHORTEST: Final = 0.0005
_STEP: Final = math.log(1.1)
_MOST_STEPS: Final = 200
"""Each step is 10 % longer than the one before; they reach from 0.5 ms to a day."""


class Durations:
    """A histogram of durations; its quantiles are exact to five percent."""

    def __init__(self) -> None:
        self._counts = [0] * _MOST_STEPS
        self.count = 0

    def add(self, seconds: float) -> None:
        """Count one."""
        step = int(math.log(max(seconds, _SHORTEST) / _SHORTEST) / _STEP)
        self._counts[min(step, _MOST_STEPS - 1)] += 1
        self.count += 1

    def quantile(self, share: float) -> float:
        """The time in seconds within which this share of them ended; 0 if there are none."""
        left = share * self.count
        for step, count in enumerate(self._counts):
            left -= count
            if left <= 0 < self.count:
                return _SHORTEST * math.exp((step + 0.5) * _STEP)
        return 0.0


@dataclass(slots=True)
class Counts:
    """What happened in a stretch of time.

    Attributes:
        done: jobs that got their ranking.
        failed: jobs that ended without one, by reason.
        waits: jobs that were postponed, by reason.
        calls: durations of calls that brought a ranking, in seconds.
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
    """Counts events between two calls of `take`."""

    def __init__(self, events: Events) -> None:
        self.counts = Counts()
        events.listen(self._succeeded, JobSucceeded)
        events.listen(self._failed, JobFailed)
        events.listen(self._expired, JobExpired)
        events.listen(self._retried, JobRetried)
        events.listen(self._released, JobReleased)
        events.listen(self._called, CallFinished)

    def take(self) -> Counts:
        """What happened since the last call of this method."""
        taken, self.counts = self.counts, Counts()
        return taken

    def _succeeded(self, _: JobSucceeded) -> None:
        self.counts.done += 1

    def _failed(self, event: JobFailed) -> None:
        self.counts.failed[event.reason] += 1

    def _expired(self, _: JobExpired) -> None:
        self.counts.failed[EXPIRED] += 1

    def _retried(self, event: JobRetried) -> None:
        self.counts.waits[event.reason] += 1

    def _released(self, _: JobReleased) -> None:
        self.counts.waits[HANDED_BACK] += 1

    def _called(self, event: CallFinished) -> None:
        if event.outcome == RANKED:
            self.counts.calls.add(event.seconds)
        else:
            self.counts.errors[event.outcome] += 1
