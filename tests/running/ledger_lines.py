"""The Celery queues of the lanes in the schedules, and which of their hints may be lost."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis

from rerankq.contract import Lane

AGAIN = 2**52
"""Scores from here on are places in the redelivery queue."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a queued job: the queue, and the number in it."""

    queue: str
    number: float


class Lines:
    """The queues of hints, first in and first out.

    Args:
        redis: the ledger's Redis.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._claimed: dict[str, float] = defaultdict(float)
        self._claimed_by_last_tick: dict[str, float] = {}
        self._empty_at_last_tick: set[str] = set(_QUEUES)

    def hint(self, lane: Lane, names: Sequence[str], *, again: bool = False) -> None:
        """Publish a message that names jobs."""
        if names:
            self._redis.lpush(_queue(lane, again=again), json.dumps(names))

    def oldest(self, lane: Lane, *, again: bool) -> list[str]:
        """Take the oldest message; returns the jobs that it names."""
        message = self._redis.rpop(_queue(lane, again=again))
        return list(json.loads(message)) if isinstance(message, bytes) else []

    def served(self, place: Place) -> None:
        """Record that the job at this place was claimed."""
        self._claimed[place.queue] = max(self._claimed[place.queue], place.number)

    def empty(self) -> set[str]:
        """The queues without a message."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for queue in _QUEUES:
                pipeline.llen(queue)
            lengths = pipeline.execute()
        return {queue for queue, length in zip(_QUEUES, lengths, strict=True) if not length}

    def is_overtaken(self, place: Place) -> bool:
        """Whether a newer job of the same queue was claimed before the last tick."""
        return place.number <= self._claimed_by_last_tick.get(place.queue, 0)

    def may_be_lost(self, place: Place, empty: set[str]) -> bool:
        """Whether the next tick can find that the hint of the job at this place is lost.

        It can if the queue was empty at the last tick and is empty now, or if the job is overtaken.
        """
        return place.queue in empty & self._empty_at_last_tick or self.is_overtaken(place)

    def ticked(self, empty: set[str]) -> None:
        """Record that the reconciler has ticked, and which queues were empty then."""
        self._claimed_by_last_tick = dict(self._claimed)
        self._empty_at_last_tick = empty


def place_of(lane: str, score: float) -> Place:
    """The place of a job that has this score in the queued set of its lane."""
    again = score >= AGAIN
    return Place(_queue(Lane(lane), again=again), score - AGAIN if again else score)


def _queue(lane: Lane, *, again: bool) -> str:
    return lane.redelivery_queue if again else lane.queue


_QUEUES = [_queue(lane, again=again) for lane in Lane for again in (False, True)]
