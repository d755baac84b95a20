"""Submits the failed jobs of a batch again, as the jobs of a new batch.

Every step may be repeated: the ids of the new jobs are derived from those of the failed ones, and a
dead letter is deleted only after its job was recorded again. So a resubmission that was broken off
is gone on with by the next one, and one that is repeated submits nothing twice.
"""

import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from rerankq.client.admissions import PATIENCE_SECONDS
from rerankq.client.batches.feed import BatchFeed, BatchLine
from rerankq.client.batches.parts import BatchParts
from rerankq.client.patience import patiently
from rerankq.contract import BatchOptions, BatchStatus
from rerankq.errors import BatchNotFound

B = TypeVar("B")

PORTION: Final = 20
"""Failed jobs that are read at once: each comes with its payload, which can be large."""
MOST_RETRIES: Final = 1000
"""Resubmissions of one batch that are remembered."""
_BATCH_IDS: Final = uuid.UUID("5f0c1d6e-0d0f-4e0e-9c0b-8a4f2f3d7b21")
_JOB_IDS: Final = uuid.UUID("c9a5a8c4-8a0f-4b7e-8b59-0f6b5c1f3e02")


@dataclass(frozen=True, slots=True)
class Resubmission(Generic[B]):
    """What became of the failed jobs of a batch.

    Attributes:
        batch: the batch that repeats them; None when there is nothing to repeat, and never was.
        submitted: how many jobs were submitted now; 0 when all had been before.
        missing: ids of failed jobs whose requests are gone: past RERANKQ_DEAD_TTL, purged, or
            replayed by an operator.
    """

    batch: B | None
    submitted: int
    missing: tuple[str, ...]


class Resubmitter:
    """Resubmits the failed jobs of one batch, once.

    Args:
        parts: of the client.
        batch: the batch.
        reasons: resubmit only those that failed for one of these; empty for all.
    """

    def __init__(self, parts: BatchParts, batch: BatchStatus, reasons: Collection[str]) -> None:
        self._parts = parts
        self._old = batch
        self._reasons = frozenset(reasons)
        self._retries = _retries_of(batch)
        self._target: str | None = None
        self._feed: BatchFeed | None = None
        self._submitted = 0
        self._missing: list[str] = []

    async def run(self, failed: AsyncIterator[Sequence[str]]) -> Resubmission[str]:
        """Resubmit them, and seal the new batch.

        Args:
            failed: the ids of the failed jobs, in portions.

        Raises:
            QueueFull: the lane has been full for five minutes; call it again to go on.
            BatchClosed: another process has just sealed the new batch; call it again to go on.
            LedgerUnavailable: Redis has not answered for a minute; call it again to go on.
        """
        if await self._is_unsealed(self._old.retried_by):
            self._target = self._old.retried_by
        try:
            async for portion in failed:
                wanted = await self._wanted(portion)
                for start in range(0, len(wanted), PORTION):
                    await self._resubmit(wanted[start : start + PORTION])
        finally:
            if self._feed:
                await self._feed.__aexit__()
        if self._target:
            await self._parts.publishing.flush()
            await patiently(partial(self._parts.batches.seal, self._target))
        return Resubmission(
            self._target or self._old.retried_by, self._submitted, tuple(self._missing)
        )

    async def _is_unsealed(self, batch_id: str | None) -> bool:
        if batch_id is None:
            return False
        try:
            return not (await patiently(partial(self._parts.batches.status, batch_id))).sealed
        except BatchNotFound:
            return False  # past its retention

    async def _wanted(self, job_ids: Sequence[str]) -> list[str]:
        if not self._reasons:
            return list(job_ids)
        outlines = await patiently(lambda: self._parts.records.outlines(job_ids))
        pairs = zip(job_ids, outlines, strict=True)
        return [job_id for job_id, each in pairs if each and each.reason in self._reasons]

    async def _resubmit(self, job_ids: Sequence[str]) -> None:
        replays = await patiently(lambda: self._parts.dead.replays(job_ids))
        await self._note_missing(replays.unreadable)
        if not replays.jobs:
            return
        target, feed = await self._opened()
        lines = [
            BatchLine(at, job.model_copy(update={"id": _job_id(old, target), "batch_id": target}))
            for at, (old, job) in enumerate(replays.jobs, feed.next_line)
        ]
        ids, refusal = await feed.add(lines, patience=PATIENCE_SECONDS)
        self._submitted += len(ids)
        # Not before: until its job is recorded, the letter holds the only copy of the request.
        letters = [old for old, _ in replays.jobs[: len(ids)]]
        await patiently(lambda: self._parts.dead.forget(letters))
        if refusal:
            raise refusal

    async def _note_missing(self, job_ids: Sequence[str]) -> None:
        """Note those that no earlier resubmission has recorded."""
        repeats = [_job_id(each, retry) for each in job_ids for retry in self._retries]
        known = iter(await patiently(lambda: self._parts.records.outlines(repeats)))
        for each in job_ids:
            found = [next(known) for _ in self._retries]
            if not any(found):
                self._missing.append(each)

    async def _opened(self) -> tuple[str, BatchFeed]:
        if self._target is None:
            batches = self._parts.batches
            new = _retry_id(self._old.id, self._old.retried_by or "")
            new = await patiently(partial(batches.note_retry, self._old.id, new))
            options = BatchOptions(metadata=self._old.metadata)
            await patiently(
                partial(
                    batches.open,
                    options,
                    tenant=self._old.tenant,
                    batch_id=new,
                    retry_of=self._old.id,
                )
            )
            self._target = new
            self._retries.append(new)
        if self._feed is None:
            self._feed = await BatchFeed(self._parts, self._target).__aenter__()
        return self._target, self._feed


def _retries_of(batch: BatchStatus) -> list[str]:
    """The batches that have repeated its failed jobs: each id is derived from the one before."""
    retries: list[str] = []
    while batch.retried_by and batch.retried_by not in retries and len(retries) < MOST_RETRIES:
        retries.append(_retry_id(batch.id, retries[-1] if retries else ""))
    return retries


def _retry_id(batch_id: str, before: str) -> str:
    return f"batch-{uuid.uuid5(_BATCH_IDS, f'{batch_id} {before}')}"


def _job_id(failed: str, batch_id: str) -> str:
    return str(uuid.uuid5(_JOB_IDS, f"{failed} {batch_id}"))
