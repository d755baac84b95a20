"""The Celery queues of the lanes, as the schedules of the ledger fill and empty them."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis

from rerankq.contract import Lane

AGAIN = 2**52
"""From here on a place is one in the line of what was announced again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a queued job stands: in the line of which queue, and how far back."""

    queue: str
    number: float


class Lines:
    """Hints, first in and first out, and what may be concluded from them.

    Args:
        redis: the ledger's.
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
        """Take the oldest message; returns what it names."""
        message = self._redis.rpop(_queue(lane, again=again))
        return list(json.loads(message)) if isinstance(message, bytes) else []

    def served(self, place: Place) -> None:
        """Note that the job in this place was given out."""
        self._claimed[place.queue] = max(self._claimed[place.queue], place.number)

    def empty(self) -> set[str]:
        """The queues without a message."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for queue in _QUEUES:
                pipeline.llen(queue)
            lengths = pipeline.execute()
        return {queue for queue, length in zip(_QUEUES, lengths, strict=True) if not length}

    def is_overtaken(self, place: Place) -> bool:
        """Whether a newer job of the same queue was given out before the last tick."""
        return place.number <= self._claimed_by_last_tick.get(place.queue, 0)

    def may_be_lost(self, place: Place, empty: set[str]) -> bool:
        """Whether the hint of the job in this place can be known to be lost, at the next tick.

        Its queue was empty at the last one and is so now, or it is overtaken.
        """
        return place.queue in empty & self._empty_at_last_tick or self.is_overtaken(place)

    def ticked(self, empty: set[str]) -> None:
        """Note that the reconciler has ticked, and which queues were empty then."""
        self._claimed_by_last_tick = dict(self._claimed)
        self._empty_at_last_tick = empty


def place_of(lane: str, score: float) -> Place:
    """The place in its line of a job with that score among the queued ones of its lane."""
    again = score >= AGAIN
    return Place(_queue(Lane(lane), again=again), score - AGAIN if again else score)


def _queue(lane: Lane, *, again: bool) -> str:
    return lane.redelivery_queue if again else lane.queue


_QUEUES = [_queue(lane, again=again) for lane in Lane for again in (False, True)]
