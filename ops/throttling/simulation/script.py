"""Runs the real scripts on a small Redis, in virtual time."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from rerankq.errors import LedgerUnavailable
from rerankq.store.script import Call
from running.small_redis.keyspace import Keyspace
from running.small_redis.store import SmallStore

T = TypeVar("T")

ROUND_TRIP_SECONDS: Final = 0.001


class SimulatedStore(SmallStore):
    """A store whose scripts run in this process, and take the time of a round trip.

    Args:
        clock: Redis' clock, in seconds since the epoch.

    Attributes:
        runs: how many scripts ran.
        away: whether Redis cannot be reached.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(Keyspace())
        self.runs = 0
        self.away = False
        self._clock = clock

    async def run(self, call: Call[T]) -> T:
        """Run a script."""
        await asyncio.sleep(ROUND_TRIP_SECONDS)
        if self.away:
            raise LedgerUnavailable("Redis is away")
        self.runs += 1
        self.keyspace.set_clock(int(self._clock() * 1000))
        return await super().run(call)
