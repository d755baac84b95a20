"""Jobs that belong together, in order, with the lines of input that are no jobs."""

import math
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from rerankq.contract import BatchProgress, JobError, Message
from rerankq.errors import BatchNotFound
from rerankq.events import BatchOpened, BatchSealed, Events
from rerankq.ledger.scripts import COLLECTED, FEEDING, NOTE, SEAL
from rerankq.store.store import Retention, Store

KEPT_SECONDS: Final = 31 * 24 * 3600.0
PAGE: Final = 500
_COUNTS: Final = ("total", "rejected", "existing", "succeeded", "failed", "cancelled", "expired")


class OwnJob(NamedTuple):
    """A job that was submitted with the batch."""

    job_id: str
    custom_id: str | None = None


class RejectedLine(Message):
    """A line of input that is no valid job, kept in its place so that no line is lost."""

    line: int
    custom_id: str | None = None
    error: JobError


class ExistingJob(Message):
    """A line whose idempotency key belongs to an earlier job: that job's end is the line's."""

    # This field is the first, also in JSON: it distinguishes the entry from a rejected line.
    job_id: str
    line: int
    custom_id: str | None = None


Entry = OwnJob | RejectedLine | ExistingJob
"""An entry of a batch: a job of its own, an earlier job, or a line that is no job."""


class Batches:
    """Opens, seals and reads batches. Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where they are.
        retention: how long results are kept once their batch was collected.
        kept_seconds: how long a new batch is kept, and its results until they are collected.
        events: told of each batch that is opened or sealed.
    """

    def __init__(
        self,
        store: Store,
        retention: Retention,
        *,
        kept_seconds: float = KEPT_SECONDS,
        events: Events | None = None,
    ) -> None:
        self._events = events or Events()
        self._store = store
        self._keys = store.keys
        self._retention = retention
        self._kept_ms = int(kept_seconds * 1000)

    async def open(self) -> str:
        """Start a batch; returns its id. Jobs enter it by carrying that id."""
        batch_id = f"batch-{uuid.uuid4()}"
        key = self._keys.batch(batch_id)
        await self._store.commands(
            ("HSET", key, "sealed", 0, "total", 0),
            ("PEXPIRE", key, self._kept_ms),
            all_or_none=True,
        )
        await self.feeding(batch_id)
        self._events.tell(BatchOpened(batch_id=batch_id))
        return batch_id

    async def feeding(self, batch_id: str) -> None:
        """Note that the batch is still being fed, also when nothing is added for a while."""
        await self._store.run(FEEDING(batch_id))

    async def unfed_seconds(self, batch_id: str) -> float:
        """Seconds since the last entry or call of `feeding`, by Redis' clock."""
        fed, (seconds, micros) = await self._store.commands(
            ("HGET", self._keys.batch(batch_id), "fed"), ("TIME",)
        )
        if fed is None:
            return math.inf
        return int(seconds) + int(micros) / 1_000_000 - int(fed) / 1000

    async def reject(self, batch_id: str, line: RejectedLine) -> None:
        """Record a line that is no job, at its place in the order."""
        await self._store.run(NOTE(batch_id, line.encode(), counter="rejected", id=""))

    async def adopt(self, batch_id: str, existing: ExistingJob) -> None:
        """Record that a line's job was accepted earlier, at its place in the order.

        From now on that job's result is kept as long as the batch.
        """
        await self._store.run(
            NOTE(batch_id, existing.encode(), counter="existing", id=existing.job_id)
        )

    async def seal(self, batch_id: str, *, cut_at: int | None = None) -> None:
        """Say that nothing more will be added: the batch is done when all its jobs have ended.

        Args:
            batch_id: the batch.
            cut_at: the first line of input that was not submitted; None when all were.
        """
        await self._store.run(SEAL(batch_id, cut_at="" if cut_at is None else str(cut_at)))
        self._events.tell(BatchSealed(batch_id=batch_id, cut_at=cut_at))

    async def cut_at(self, batch_id: str) -> int | None:
        """The first line of input that was not submitted; None when all were."""
        cut = await self._store.command("HGET", self._keys.batch(batch_id), "cut")
        return None if cut is None else int(cut)

    async def collected(self, batch_id: str, job_ids: Sequence[str]) -> None:
        """Note that the batch's reader has the results of these jobs.

        From now on these have their ordinary retention; the batch does not keep them any longer.
        """
        await self._store.run(
            COLLECTED(
                keep_result_ms=self._retention.result_ms,
                keep_dead_ms=self._retention.dead_ms,
                batch=batch_id,
                ids=tuple(job_ids),
            )
        )

    async def seconds_left(self, batch_id: str) -> float:
        """Seconds until the batch is deleted, by Redis' clock; 0 when there is none."""
        left = await self._store.command("PTTL", self._keys.batch(batch_id))
        return max(0, int(left)) / 1000

    async def progress(self, batch_id: str) -> BatchProgress:
        """The counts, exact at the moment of reading.

        Raises:
            BatchNotFound: no such batch.
        """
        sealed, *counts = await self._store.command(
            "HMGET", self._keys.batch(batch_id), "sealed", *_COUNTS
        )
        if sealed is None:
            raise BatchNotFound(
                f"no batch has the id {batch_id}: check the id; the batch may be past its retention"
            )
        values: dict[str, Any] = {
            name: int(count or 0) for name, count in zip(_COUNTS, counts, strict=True)
        }
        return BatchProgress(id=batch_id, sealed=sealed == b"1", **values)

    async def size(self, batch_id: str) -> int:
        """How many entries there are so far."""
        return int(await self._store.command("LLEN", self._keys.batch_entries(batch_id)))

    async def entries(self, batch_id: str, start: int = 0) -> AsyncIterator[Entry]:
        """All entries in the order they were added, read a page at a time."""
        while page := await self.page(batch_id, start):
            for entry in page:
                yield entry
            start += len(page)

    async def page(self, batch_id: str, start: int) -> list[Entry]:
        """The next entries from position `start`; none when there are no more so far."""
        stored = await self._store.command(
            "LRANGE", self._keys.batch_entries(batch_id), start, start + PAGE - 1
        )
        return [_entry(each) for each in stored]


def _entry(stored: bytes) -> Entry:
    # A job id never begins with a brace, so the kinds of entry cannot be confused.
    if not stored.startswith(b"{"):
        job_id, _, custom_id = stored.decode(errors="replace").partition(" ")
        return OwnJob(job_id, custom_id or None)
    kind = ExistingJob if stored.startswith(b'{"job_id"') else RejectedLine
    return kind.parse(stored)
