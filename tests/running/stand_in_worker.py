"""A stand-in for the worker: it ends jobs through the ledger when the test wants."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from rerankq.contract import (
    Document,
    Job,
    JobState,
    Lane,
    RankedDocument,
    RerankResult,
    Timings,
)
from rerankq.errors import JobFailed, LedgerUnavailable
from rerankq.ledger import outcomes
from rerankq.ledger.leases import Finish, Lease, Leases
from rerankq.store.store import Retention, Store

POLL_SECONDS = 0.01


class StandInWorker:
    """Serves all lanes between `with` and its end; a job fails if its query begins with `fail`.

    It looks into the ledger, not at hints.

    Args:
        url: the ledger's Redis, which may go away and come back.
        holds: whether it waits for `go` before it ends jobs.
        decide: from a job to how it ends.

    Attributes:
        ended: ids of the jobs that it has ended.
    """

    def __init__(
        self,
        url: str,
        *,
        holds: bool = False,
        decide: Callable[[Job], RerankResult | JobFailed] | None = None,
    ) -> None:
        self._url = url
        self._decide = decide or by_its_query
        self.ended: list[str] = []
        self._go = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        if not holds:
            self.go()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def go(self) -> None:
        """From now on end all jobs."""
        self._go.set()

    async def _serve(self) -> None:
        async with Store(self._url) as store:
            leases = Leases(store, Retention(60, 60), worker="stand-in", lease_seconds=60)
            while not self._stop.is_set():
                # Redis may be away: the next round finds what this one did not.
                with suppress(LedgerUnavailable):
                    await self._end_queued(store, leases)
                await asyncio.sleep(POLL_SECONDS)

    async def _end_queued(self, store: Store, leases: Leases) -> None:
        for lane in Lane if self._go.is_set() else ():
            queued = await store.command("ZRANGE", f"rerankq:{lane}:queued", 0, 99)
            if queued:
                held = (await leases.claim([job_id.decode() for job_id in queued])).leases
                await leases.finish([self._finish(lease) for lease in held])
                self.ended += [lease.job_id for lease in held]

    def _finish(self, lease: Lease) -> Finish:
        end = self._decide(Job.parse(lease.payload))
        if isinstance(end, JobFailed):
            outcome = outcomes.failure(end)
            return Finish(lease, 2, JobState.FAILED, outcome, reason=end.reason)
        return Finish(lease, 1, JobState.SUCCEEDED, outcomes.success(end.encode()))


def by_its_query(job: Job) -> RerankResult | JobFailed:
    """A failure if the query begins with `fail`, else a ranking."""
    if job.request.query.startswith("fail"):
        return JobFailed("upstream_refused", "the upstream refused it")
    return ranked(job)


def ranked(job: Job) -> RerankResult:
    """The documents in the order submitted, with scores of 1, 1/2, 1/3 and so on."""
    least = job.request.min_score or 0.0
    rows = [
        RankedDocument(
            index=index,
            relevance_score=score,
            raw_score=score if job.request.raw_scores else None,
            document=Document(text=text),
        )
        for index, text in enumerate(job.request.texts())
        if (score := 1 / (index + 1)) >= least
    ]
    return RerankResult(
        job_id=job.id,
        model=job.request.model,
        results=tuple(rows[: job.request.wanted]),
        attempts=1,
        timings=Timings(waited_seconds=0, upstream_seconds=0),
    )
