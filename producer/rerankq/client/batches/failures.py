"""The failed jobs of a batch: why they failed, and submitting them again."""

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from functools import partial

from rerankq.client.batches.entry_reader import check_position
from rerankq.client.batches.one_batch import OneBatch
from rerankq.client.batches.parts import BatchParts
from rerankq.client.batches.resubmission import Resubmission, Resubmitter
from rerankq.client.batches.results import BatchResult, EndReader
from rerankq.client.patience import patiently
from rerankq.contract import JobState
from rerankq.ledger.batches import OwnJob


class Failures(OneBatch):
    """What `AsyncBatch` tells of its failed jobs."""

    async def failures(self, *, start: int = 0) -> AsyncGenerator[BatchResult, None]:
        """The jobs that have failed by now, each with the reason, in the order they failed.

        Those that were cancelled or have expired are not among them, nor lines that are no jobs.
        `position` is the place among the failures.

        Args:
            start: the place of the first that is wanted, from 0.

        Raises:
            BatchNotFound: no such batch.
            InvalidRequest: `start` is no position.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        async with aclosing(self.failure_portions(start=start)) as portions:
            async for portion in portions:
                for each in portion:
                    yield each

    async def failure_portions(self, *, start: int = 0) -> AsyncGenerator[list[BatchResult], None]:
        """As `failures`, in portions as they are read."""
        check_position(start)
        ends = EndReader(self._parts.records)
        async with aclosing(_failed_jobs(self._parts, self.id, start)) as pages:
            async for ids in pages:
                placed = [(position, OwnJob(each)) for position, each in enumerate(ids, start)]
                start += len(ids)
                async with aclosing(ends.results(placed, in_order=False)) as portions:
                    async for portion in portions:
                        yield portion

    async def resubmit(self, reasons: Collection[str]) -> Resubmission[str]:
        """As `AsyncBatch.resubmit_failed`, with the id of the new batch."""
        batch = await patiently(partial(self._parts.batches.status, self.id))
        async with aclosing(_failed_jobs(self._parts, self.id)) as pages:
            return await Resubmitter(self._parts, batch, reasons).run(pages)


async def _failed_jobs(
    parts: BatchParts, batch_id: str, start: int = 0
) -> AsyncGenerator[list[str], None]:
    """The ids of the jobs that have failed, in pages."""
    batch = await patiently(partial(parts.batches.progress, batch_id))
    position = start
    while page := await patiently(partial(parts.batches.failed, batch_id, position)):
        yield page
        position += len(page)
    if position < batch.failed:
        # Workers of version 0.1 count failed jobs, and do not list them.
        async with aclosing(_unlisted(parts, batch_id, start)) as pages:
            async for page in pages:
                yield page


async def _unlisted(
    parts: BatchParts, batch_id: str, start: int
) -> AsyncGenerator[list[str], None]:
    """The failed jobs that are found among the entries alone, in their order, after the listed."""
    listed: set[str] = set()
    while page := await patiently(partial(parts.batches.failed, batch_id, len(listed))):
        listed.update(page)
    skip, position = max(0, start - len(listed)), 0
    while entries := await patiently(partial(parts.batches.page, batch_id, position)):
        position += len(entries)
        ids = [each.job_id for each in entries if isinstance(each, OwnJob)]
        outlines = await patiently(partial(parts.records.outlines, ids))
        found = [
            job_id
            for job_id, each in zip(ids, outlines, strict=True)
            if each and each.state is JobState.FAILED and job_id not in listed
        ]
        passed, skip = found[:skip], skip - len(found[:skip])
        if len(found) > len(passed):
            yield found[len(passed) :]
