"""Publishes hints outside the event loop, in order, shortly after jobs are recorded."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Final

from rerankq.broker.announce import INTERACTIVE_TOGETHER, Announcer
from rerankq.client import forks, traces
from rerankq.contract import Lane
from rerankq.ledger.intake import PreparedJob

MOST_BEHIND: Final = 2


class Publishing:
    """Celery publishes with blocking calls: one thread makes them, in order, outside the loop."""

    def __init__(self, redis_url: str, namespace: str) -> None:
        self._redis_url = redis_url
        self._namespace = namespace
        self._begin()
        forks.watch(self)

    def _begin(self) -> None:
        self._announcer: Announcer | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rerankq-publish")
        self._behind: list[Future[None]] = []
        self._gate = threading.Lock()
        self._is_used = False
        self._has_published = False
        self._halt: Callable[[], None] | None = None

    async def announce_soon(self, jobs: Sequence[PreparedJob]) -> None:
        """Publish hints in the background; waits only when too many are pending."""
        await self.room()
        self._behind.append(self._publish_soon(jobs))

    def announce_together(self, jobs: Sequence[PreparedJob]) -> Future[None]:
        """Publish hints for jobs that came at the same moment; several share a message.

        Returns what is done when they are published. Call `room` before the next ones.
        """
        published = self._publish_soon(jobs, interactive_together=INTERACTIVE_TOGETHER)
        self._behind.append(published)
        return published

    async def announce_again(self, lane: Lane, job_ids: Sequence[str]) -> None:
        """Publish hints for jobs that were announced before, in the background, as above."""
        await self.room()
        self._behind.append(self._soon(self._publish_again, lane, job_ids))

    async def room(self) -> None:
        """Wait while too many messages are pending."""
        while self._behind and self._behind[0].done():
            self._behind.pop(0)
        while len(self._behind) >= MOST_BEHIND:
            # Shielded: if who waits here is cancelled, the hints are published all the same.
            await asyncio.shield(asyncio.wrap_future(self._behind.pop(0)))

    async def flush(self) -> None:
        """Wait until all pending hints are published."""
        while self._behind:
            await asyncio.wrap_future(self._behind.pop(0))

    async def close(self) -> None:
        """Publish the pending hints, then close thread and connections."""
        await self.flush()
        self._thread.shutdown()
        if self._announcer:
            self._announcer.close()

    def run_soon(self, halt: Callable[[], None]) -> float:
        """See `forks`."""
        with self._gate:
            if not self._is_used:
                # A loop may first use the thread during the fork: the halt comes before that.
                self._halt = halt
                return 0
        self._thread.submit(halt)
        return forks.HALT_SECONDS if self._has_published else forks.COMPUTING_SECONDS

    def begin_anew(self) -> None:
        """See `forks`."""
        forks.inherited.append((self._announcer, self._thread))
        self._begin()

    def _publish_soon(
        self, jobs: Sequence[PreparedJob], *, interactive_together: int = 1
    ) -> Future[None]:
        return self._soon(self._publish, jobs, interactive_together)

    def _soon(self, publish: Callable[..., None], *arguments: object) -> Future[None]:
        try:
            with self._gate:
                self._is_used = True
                halt, self._halt = self._halt, None
                if halt:
                    self._thread.submit(halt)
            return self._thread.submit(publish, *arguments)
        except RuntimeError:
            # Closed, or the interpreter ends: the reconciler will announce the jobs.
            nothing: Future[None] = Future()
            nothing.set_result(None)
            return nothing

    def _publish(self, jobs: Iterable[PreparedJob], interactive_together: int) -> None:
        announcer = self._own_announcer()
        for lane, group in groupby(sorted(jobs, key=_lane_of), key=_lane_of):
            of_lane = list(group)
            known = [job.traceparent for job in of_lane if job.traceparent]
            with traces.sending(Lane(lane), known) as carrier:
                announcer.announce(
                    Lane(lane),
                    [job.id for job in of_lane],
                    sizes=[len(job.payload) for job in of_lane],
                    interactive_together=interactive_together,
                    traceparent=carrier,
                )
        self._has_published = True

    def _publish_again(self, lane: Lane, job_ids: Sequence[str]) -> None:
        self._own_announcer().announce(lane, job_ids, again=True)
        self._has_published = True

    def _own_announcer(self) -> Announcer:
        if self._announcer is None:
            self._announcer = Announcer(self._redis_url, self._namespace)
            # For a client that is never closed.
            weakref.finalize(self, self._announcer.close).atexit = False
        return self._announcer


def _lane_of(job: PreparedJob) -> str:
    return str(job.head["lane"])
