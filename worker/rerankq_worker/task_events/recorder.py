"""Listens to what happens to jobs: keeps it until it is sent, and knows which jobs are held.

All of it is called at once by the code that tells an event, so nothing is built here: an event is
kept as it is, and made into Celery's form when it is sent.
"""

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Final

from rerankq.events import (
    CallStarted,
    Event,
    Events,
    JobCancelled,
    JobClaimed,
    JobDamaged,
    JobExpired,
    JobFailed,
    JobReleased,
    JobRetried,
    JobRevoked,
    JobSucceeded,
    OutcomeDropped,
    OutcomeRefused,
)

Recorded = tuple[float, Event]
"""An event, and when it happened, in Unix seconds."""

MOST_WAITING: Final = 20_000
"""Events that wait to be sent, about those of 7,000 jobs. Further ones take the place of the
oldest: Redis has not taken any for a while then."""
MOST_HELD: Final = 50_000
"""Jobs that are known as held: several times as many as a worker can hold."""


@dataclass(slots=True)
class HeldJob:
    """A job that this worker holds.

    Attributes:
        claim: its claim.
        claimed_at: the time of that, in Unix seconds.
        started_at: when its call began; None as long as it waits for a permit.
    """

    claim: JobClaimed
    claimed_at: float
    started_at: float | None = None


class TaskEvents:
    """What happened to jobs and is not sent yet.

    Args:
        events: of the worker.
        most: events that may wait.

    Attributes:
        held: the jobs that the worker holds, by id.
        claimed: how many jobs it has claimed since its start.
        dropped: how many events were not sent, because too many waited.
    """

    def __init__(self, events: Events, *, most: int = MOST_WAITING) -> None:
        self.held: dict[str, HeldJob] = {}
        self.claimed = 0
        self.dropped = 0
        self._most = most
        self._waiting: deque[Recorded] = deque(maxlen=most)
        events.listen(self._claimed, JobClaimed)
        events.listen(self._started, CallStarted)
        for kind in (JobSucceeded, JobFailed, JobRetried, JobReleased, JobExpired, JobRevoked):
            events.listen(self._ended, kind)
        events.listen(self._record, JobCancelled)
        events.listen(self._record, JobDamaged)
        events.listen(self._forget, OutcomeRefused)
        events.listen(self._forget, OutcomeDropped)

    @property
    def waiting(self) -> int:
        """How many events wait to be sent."""
        return len(self._waiting)

    def take(self, most: int) -> list[Recorded]:
        """The oldest events; they are the caller's now."""
        waiting = self._waiting
        return [waiting.popleft() for _ in range(min(most, len(waiting)))]

    def give_back(self, recorded: list[Recorded]) -> None:
        """Put events back that could not be sent, as far as there is room."""
        free = self._most - len(self._waiting)
        self.dropped += max(0, len(recorded) - free)
        self._waiting.extendleft(reversed(recorded[-free:] if free else ()))

    def clear(self) -> None:
        """Forget what waits: nobody listens."""
        self._waiting.clear()

    def _claimed(self, event: JobClaimed) -> None:
        now = time.time()
        held = self.held
        if len(held) >= MOST_HELD:
            del held[next(iter(held))]
        held[event.job.id] = HeldJob(event, now)
        self.claimed += 1
        self._put(now, event)

    def _started(self, event: CallStarted) -> None:
        now = time.time()
        if job := self.held.get(event.call.job_id):
            job.started_at = now
        self._put(now, event)

    def _ended(self, event: Any) -> None:
        held = self.held.pop(event.job.id, None)
        if held and event.job.lane is None:
            event = replace(event, job=held.claim.job)
        self._put(time.time(), event)

    def _forget(self, event: OutcomeRefused | OutcomeDropped) -> None:
        self.held.pop(event.job.id, None)

    def _record(self, event: Event) -> None:
        self._put(time.time(), event)

    def _put(self, at: float, event: Event) -> None:
        if len(self._waiting) == self._most:
            self.dropped += 1
        self._waiting.append((at, event))
