"""One tick of the reconciler: one call of one script."""

from typing import Final

from rerankq.contract import Lane
from rerankq.events import Events, JobDamaged, JobExpired, JobFailed, JobRef, KeyPutAside
from rerankq.ledger.batch_ends import tell_of_ended
from rerankq.ledger.leases import MOST_DEATHS
from rerankq.ledger.outcomes import CRASH_LOOP
from rerankq.ledger.scripts import SWEEP
from rerankq.store.store import Retention, Store

SWEEP_SECONDS: Final = 0.5
LOST_HINT_SECONDS: Final = 5.0
LOST_AGAIN_SECONDS: Final = 15.0
"""Longer than the first: a worker that is held up by the upstream keeps a hint for a while before
it has claimed all of its jobs, and these must not be announced again and again."""
MOST_DEAD: Final = 100_000
MOST_MOVED: Final = 1000


class Sweep:
    """Finds expired leases, due retries, passed deadlines and lost hints.

    Args:
        store: the ledger's Redis.
        retention: how long ends are kept.
        lease_seconds: how long a lease lasts without renewal.
        worker: the name under which the caller claims jobs: the sweep notes that it is alive. Empty
            for a caller that claims none.
        events: told of each job that a sweep ends, and of what it finds damaged.
    """

    def __init__(
        self,
        store: Store,
        retention: Retention,
        *,
        lease_seconds: float,
        worker: str = "",
        events: Events | None = None,
    ) -> None:
        self._events = events or Events()
        self._store = store
        queue = store.keys.queue
        self._call = SWEEP(
            # A little less than the tick: so the interval is over at a lone worker's next tick.
            interval_ms=int(SWEEP_SECONDS * 900),
            lease_ms=int(lease_seconds * 1000),
            grace_ms=int(LOST_HINT_SECONDS * 1000),
            grace_again_ms=int(LOST_AGAIN_SECONDS * 1000),
            most_deaths=MOST_DEATHS,
            keep_result_ms=retention.result_ms,
            keep_dead_ms=retention.dead_ms,
            keep_usage_days=retention.usage_days,
            most_dead=MOST_DEAD,
            most=MOST_MOVED,
            worker=worker,
            lanes=[(lane.value, queue(lane.queue), queue(lane.redelivery_queue)) for lane in Lane],
        )

    async def tick(self) -> dict[Lane, list[str]]:
        """Queue lost and due jobs again; returns the jobs to announce, by lane.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        # The answer is empty when another worker has just swept.
        put_aside, ended, batches, *rows = await self._store.run(self._call) or [[], [], []]
        for each in ended:
            self._tell_of_end(*each)
        tell_of_ended(self._events, batches)
        for key in put_aside:
            self._events.tell(KeyPutAside(key=key.decode(errors="replace")))
        announce: dict[Lane, list[str]] = {}
        for lane, (due, orphans) in zip(Lane, rows, strict=False):
            for job_id in orphans:
                job = JobRef(job_id.decode(errors="replace"), lane)
                self._events.tell(JobDamaged(job=job))
            if due:
                announce[lane] = [job_id.decode() for job_id in due]
        return announce

    def _tell_of_end(
        self, job_id: bytes, lane: bytes, batch_id: bytes, state: bytes, attempts: int
    ) -> None:
        batch = batch_id.decode(errors="replace") or None
        job = JobRef(job_id.decode(errors="replace"), Lane(lane.decode()), batch_id=batch)
        if state == b"expired":
            self._events.tell(JobExpired(job=job))
        else:
            self._events.tell(JobFailed(job=job, attempts=attempts, reason=CRASH_LOOP, status=None))
