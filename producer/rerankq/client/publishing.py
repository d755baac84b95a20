"""Publishing hints off the event loop, in order, a little behind the ledger."""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from operator import attrgetter
from typing import Final

from rerankq.announce import Announcer
from rerankq.contract import Job

MOST_BEHIND: Final = 2


class Publishing:
    """Celery publishes with blocking calls: one thread keeps them off the loop, and in order."""

    def __init__(self, redis_url: str) -> None:
        self._announcer = Announcer(redis_url)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rerankq-publish")
        self._behind: list[Future[None]] = []

    async def announce(self, jobs: Sequence[Job]) -> None:
        """Publish hints for jobs that the ledger holds, and wait for it."""
        await asyncio.wrap_future(self._thread.submit(self._publish, jobs))

    async def announce_soon(self, jobs: Sequence[Job]) -> None:
        """Publish hints while the caller goes on; waits only when too far behind."""
        while len(self._behind) >= MOST_BEHIND:
            await asyncio.wrap_future(self._behind.pop(0))
        self._behind.append(self._thread.submit(self._publish, jobs))

    async def flush(self) -> None:
        """Wait until all that was announced is published."""
        while self._behind:
            await asyncio.wrap_future(self._behind.pop(0))

    async def close(self) -> None:
        """Publish the rest, then give thread and connections back."""
        await self.flush()
        self._thread.shutdown()
        self._announcer.close()

    def _publish(self, jobs: Iterable[Job]) -> None:
        by_lane = attrgetter("lane")
        for lane, group in groupby(sorted(jobs, key=by_lane), key=by_lane):
            self._announcer.announce(lane, [job.id for job in group])
