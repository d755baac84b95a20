"""Stores new scores in Redis, those of many jobs in one call, after the jobs' results.

Nothing waits for it. What Redis does not take is dropped: its pairs are then paid for once more.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.score_cache.cache import MOST_AT_ONCE, ScoreCache

GATHER_SECONDS: Final = 0.25
"""From the first new score to the write."""
TEND_SECONDS: Final = 10.0
"""At least so often it is seen whether Redis is full, which needs the memory for jobs then."""
WRITE_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 1.0
"""After a write that failed, or that found Redis full."""
MOST_WAITING: Final = 50_000
"""How many scores may wait to be written; more are dropped."""


class ScoreWriter:
    """Stores the scores of one worker.

    Args:
        cache: the scores in Redis.
    """

    def __init__(self, cache: ScoreCache) -> None:
        self._cache = cache
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many scores wait to be written."""
        return len(self._waiting)

    def put(self, entries: Iterable[bytes]) -> None:
        """Hand over scores, each with its key, as they are stored."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.extend(entries)
            self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            if not await self._write():
                self._waiting.clear()
                await asyncio.sleep(PAUSE_SECONDS)
            elif not self._waiting:
                self._wake.clear()
                await self._woken()

    async def leave(self) -> None:
        """Write what waits, once, when this worker ends."""
        while self._waiting and await self._write():
            pass

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(TEND_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return
        await asyncio.sleep(GATHER_SECONDS)

    async def _write(self) -> bool:
        """Write as many as one call may have; returns whether Redis took them."""
        count = min(len(self._waiting), MOST_AT_ONCE)
        entries = [self._waiting.popleft() for _ in range(count)]
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                return not (await self._cache.keep(entries)).is_full
        except (LedgerUnavailable, TimeoutError):
            return False
