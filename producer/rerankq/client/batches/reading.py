"""Reading the results of a batch, also before all its jobs have ended."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from rerankq.client.batches.entry_reader import EntryReader, R, check_position
from rerankq.client.batches.export import Row, RowReader
from rerankq.client.batches.one_batch import OneBatch
from rerankq.client.batches.reader import ABANDONED_SECONDS, BatchReader
from rerankq.client.batches.results import BatchResult, EndReader
from rerankq.errors import BatchAbandoned, JobNotFound, ResultExpired
from rerankq.ledger.batches import RejectedLine

SLICE: Final = 50


class Reading(OneBatch):
    """What `AsyncBatch` gives of its results."""

    async def results(
        self,
        *,
        start: int = 0,
        in_order: bool = False,
        wait: bool = True,
        timeout: float | None = None,  # noqa: ASYNC109  as in `as_completed`
    ) -> AsyncGenerator[BatchResult, None]:
        """The result of each entry, as jobs end; may be called again, also by other processes.

        Results are read as the caller takes them, a portion of 2 MiB ahead at most.

        Args:
            start: the position of the first entry that is wanted, from 0: to go on where an earlier
                reading in order has stopped.
            in_order: give them in the order of the batch, each waiting for those before it.
            wait: wait for jobs that have not ended, and until the batch is sealed; if not, give
                those that have ended by now, in the order of the batch.
            timeout: seconds to wait; None for no limit.

        Raises:
            BatchNotFound: no such batch.
            BatchAbandoned: all results were given, but the batch was never sealed, and its feeder
                is gone.
            ResultTimeout: not all were given in time.
            InvalidRequest: `timeout` is not a number, or `start` is no position.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        portions = self.result_portions(start=start, in_order=in_order, wait=wait, timeout=timeout)
        async with aclosing(portions):
            async for portion in portions:
                for each in portion:
                    yield each

    async def result_portions(
        self,
        *,
        start: int = 0,
        in_order: bool = False,
        wait: bool = True,
        timeout: float | None = None,  # noqa: ASYNC109  as in `results`
    ) -> AsyncGenerator[list[BatchResult], None]:
        """As `results`, in portions as they are read."""
        reader = self.reader(
            start=start, in_order=in_order, wait=wait, abandoned_after=ABANDONED_SECONDS
        )
        async with aclosing(self._all_portions(reader, timeout)) as portions:
            async for portion in portions:
                yield portion

    async def rows(self, *, start: int = 0, wait: bool = False) -> AsyncGenerator[list[Row], None]:
        """The result of each entry, in order, with its ranking as it is stored: as JSON.

        Many times as fast as `results`, for programs that pass rankings on. They come in portions
        of 2 MiB or 250 at most.

        Args:
            start: the position of the first entry that is wanted, from 0.
            wait: wait for jobs that have not ended, and until the batch is sealed; if not, leave
                those out that have not ended by now.

        Raises:
            BatchNotFound, BatchAbandoned, InvalidRequest, LedgerUnavailable: as `results` says.
        """
        rows = RowReader(self._parts.records)
        reader = self._reader(
            rows, start=start, in_order=wait, wait=wait, abandoned_after=ABANDONED_SECONDS
        )
        async with aclosing(self._all_portions(reader, None)) as portions:
            async for portion in portions:
                yield portion

    def reader(
        self,
        *,
        start: int = 0,
        in_order: bool = False,
        wait: bool = True,
        abandoned_after: float | None,
    ) -> BatchReader[BatchResult]:
        """A reader of the batch that can give results again, for callers that cannot keep all.

        Raises:
            InvalidRequest: `start` is no position.
        """
        ends = EndReader(self._parts.records)
        return self._reader(
            ends, start=start, in_order=in_order, wait=wait, abandoned_after=abandoned_after
        )

    async def release(self) -> None:
        """Say that all results were read.

        From now on they are kept for RERANKQ_RESULT_TTL, and no longer as long as the batch
        (RERANKQ_BATCH_TTL).
        """
        position = 0
        while page := await self._parts.batches.page(self.id, position):
            ids = [each.job_id for each in page if not isinstance(each, RejectedLine)]
            await self._parts.batches.collected(self.id, ids)
            position += len(page)

    async def is_past_retention(self) -> bool:
        """Whether the batch has jobs, and the results of all of them are past their retention."""
        position, jobs = 0, 0
        while page := await self._parts.batches.page(self.id, position):
            # A few at a time, as rankings can be large; most often the first few decide.
            for start in range(0, len(page), SLICE):
                part = page[start : start + SLICE]
                ids = [each.job_id for each in part if not isinstance(each, RejectedLine)]
                ends = dict(await self._parts.records.ends(ids))
                if not all(isinstance(ends.get(each), JobNotFound | ResultExpired) for each in ids):
                    return False
                jobs += len(ids)
            position += len(page)
        return jobs > 0

    def _reader(
        self,
        entries: EntryReader[R],
        *,
        start: int,
        in_order: bool,
        wait: bool,
        abandoned_after: float | None,
    ) -> BatchReader[R]:
        check_position(start)
        return BatchReader(
            self._parts,
            self.id,
            entries,
            start=start,
            in_order=in_order,
            wait=wait,
            abandoned_after=abandoned_after,
        )

    async def _all_portions(
        self,
        reader: BatchReader[R],
        timeout: float | None,  # noqa: ASYNC109  as in `results`
    ) -> AsyncGenerator[list[R], None]:
        async with aclosing(reader.portions(timeout)) as portions:
            async for portion in portions:
                yield portion
        if reader.abandoned:
            raise BatchAbandoned(
                f"{self.id} was never sealed and nobody adds to it any more: entries may be missing"
            )
