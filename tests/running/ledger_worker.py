"""A stand-in worker: claims queued jobs of the real ledger and ends them, in its own thread."""

import asyncio
import threading
from collections.abc import Callable
from typing import Self

from redis import Redis

from rerankq.contract import Job, JobState, Lane, RankedDocument, RerankResult, Timings
from rerankq.errors import JobFailed, LedgerUnavailable
from rerankq.ledger import outcomes
from rerankq.ledger.leases import Finish, Lease, Leases
from rerankq.store.store import Retention, Store

POLL_SECONDS = 0.01
RETENTION = Retention(600.0, 600.0)

End = RerankResult | JobFailed


def ranked(job: Job) -> End:
    """The documents in the order submitted."""
    rows = tuple(
        RankedDocument(index=index, relevance_score=1.0 - index / 1000)
        for index in range(job.request.wanted)
    )
    return RerankResult(
        job_id=job.id,
        model=job.request.model,
        results=rows,
        attempts=1,
        timings=Timings(waited_seconds=0, upstream_seconds=0),
    )


class LedgerWorker:
    """Works between `with` and its end. It finds jobs in the ledger, not by hints.

    Args:
        url: the ledger's Redis, which may go away and come back.
        decide: returns the end of a job.
    """

    def __init__(self, url: str, decide: Callable[[Job], End] = ranked) -> None:
        self._url = url
        self._decide = decide
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()))
        self.ended: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _work(self) -> None:
        async with Store(self._url) as store:
            leases = Leases(store, RETENTION, worker="stand-in", lease_seconds=60)
            while not self._stop.is_set():
                try:
                    await self._round(store, leases)
                except LedgerUnavailable:
                    continue
                finally:
                    await asyncio.sleep(POLL_SECONDS)

    async def _round(self, store: Store, leases: Leases) -> None:
        for lane in Lane:
            queued = await store.command("ZRANGE", f"rerankq:{lane}:queued", 0, 49)
            claimed = (
                (await leases.claim([each.decode() for each in queued])).leases if queued else []
            )
            if claimed:
                await leases.finish([self._finish(each) for each in claimed])
                self.ended += [each.job_id for each in claimed]

    def _finish(self, lease: Lease) -> Finish:
        end = self._decide(Job.parse(lease.payload))
        if isinstance(end, RerankResult):
            return Finish(lease, 1, JobState.SUCCEEDED, outcomes.success(end.encode()))
        return Finish(lease, 1, JobState.FAILED, outcomes.failure(end), reason=end.reason)


def hints(url: str, lane: Lane) -> list[bytes]:
    """The messages in a lane's Celery queue, the oldest first."""
    with Redis.from_url(url) as redis:
        return [bytes(each) for each in reversed(redis.lrange(lane.queue, 0, -1))]
