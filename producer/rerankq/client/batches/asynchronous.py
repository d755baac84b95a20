"""`AsyncBatch`: a batch, opened by this client or another. The blocking `Batch` runs this one."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import aclosing, suppress
from typing import Self, Unpack

from rerankq.client.admissions import PATIENCE_SECONDS, Offered, foremost
from rerankq.client.batches.feed import BatchFeed, BatchLine
from rerankq.client.batches.parts import BatchParts
from rerankq.client.batches.reader import ABANDONED_SECONDS, BatchReader
from rerankq.client.batches.results import BatchResult
from rerankq.client.drafts import Draft, Submission, jobs_from, portions_of, takes_submission
from rerankq.client.handles import AsyncJobHandle
from rerankq.contract import BatchProgress
from rerankq.errors import (
    BatchAbandoned,
    JobNotFound,
    LedgerUnavailable,
    ResultExpired,
)
from rerankq.ledger.batches import RejectedLine

SLICE = 50


class AsyncBatch:
    """Jobs that belong together, in order. `client.open_batch()` and `client.batch(id)` make it.

    Add to it within `async with batch:`. Readers then know that more may come; at the end of the
    block the batch is sealed, or abandoned if an exception ended the block. A batch that was never
    sealed, and whose feeder was not heard of for 10 seconds, counts as abandoned too.

    Each method raises LedgerUnavailable when Redis does not answer.
    """

    def __init__(self, parts: BatchParts, batch_id: str) -> None:
        self._parts = parts
        self._id = batch_id
        self._feed: BatchFeed | None = None

    def __repr__(self) -> str:
        return f"<rerank batch {self.id}>"

    @property
    def id(self) -> str:
        """The batch's id, with which any process can come back to it."""
        return self._id

    async def __aenter__(self) -> Self:
        self._feed = await self._new_feed().__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        feed, self._feed = self._feed, None
        if feed:
            await feed.__aexit__()
        if kind is None:
            await self.seal()
        else:
            with suppress(LedgerUnavailable):
                await self.abandon()

    @takes_submission
    async def add(self, **arguments: Unpack[Submission]) -> AsyncJobHandle:
        """Add one job. When this returns, it is recorded in the ledger, as the batch's last.

        If its `idempotency_key` belongs to an earlier job, that job becomes the entry. If a job
        with this `job_id` is known, nothing is added: so a repeat after a lost answer is safe.

        Raises:
            InvalidRequest, QueueFull, IdempotencyConflict, BatchNotFound, LedgerUnavailable: as
                `AsyncRerankClient.submit` says.
        """
        ids, wrong = await self.offer([arguments])
        if wrong:
            raise wrong
        return AsyncJobHandle(self._parts.owner, ids[0])

    async def add_many(
        self,
        drafts: Iterable[Draft] | AsyncIterable[Draft],
        *,
        patience: float | None = PATIENCE_SECONDS,
    ) -> AsyncGenerator[AsyncJobHandle, None]:
        """Add jobs as a stream, in bounded memory; handles come in the order of `drafts`.

        Args:
            drafts: as for `submit_many`; they go into this batch, also if they name another.
            patience: seconds for which a full lane may take none of them; None for no limit.

        Raises:
            QueueFull, InvalidRequest, IdempotencyConflict: a draft could not be added; the error
                names its position. Those before it were added, and their handles were given.
            BatchNotFound: there is no such batch.
            LedgerUnavailable: Redis has not answered for a minute. `progress().total` tells how
                many drafts were added.
        """
        start = 0
        async for portion, broken in portions_of(drafts):
            ids, wrong = await self.offer(portion, start=start, patience=patience)
            start += len(portion)
            for job_id in ids:
                yield AsyncJobHandle(self._parts.owner, job_id)
            if wrong or broken:
                raise wrong or broken  # type: ignore[misc]  # one of them is there

    async def offer(
        self,
        drafts: Iterable[Draft],
        *,
        start: int = 0,
        patience: float | None = PATIENCE_SECONDS,
    ) -> Offered:
        """Add a few jobs at once; returns the ids of those that were added, and the error if any.

        The error is about one draft, as in `add_many`, and none after it is added. `start` is the
        position of the first draft in its stream.
        """
        jobs, fault = jobs_from(drafts, default_model=self._parts.default_model, start=start)
        feed = self._feed or self._new_feed()
        lines = [
            BatchLine(start + at, job.model_copy(update={"batch_id": self.id}))
            for at, job in enumerate(jobs, 1)
        ]
        ids, refusal = await feed.add(lines, patience=patience)
        return ids, foremost(refusal, fault)

    def feed(
        self,
        *,
        rejected: Callable[[RejectedLine], None] | None = None,
        held_up: Callable[[str], None] = lambda _: None,
    ) -> BatchFeed:
        """A feed that adds to a new batch line by line; some lines may be no jobs.

        Args:
            rejected: told of each line that is no job. With it, a line whose idempotency key
                belongs to another request counts as one; without it, such a line ends the adding.
            held_up: called with the reason, each time that a full lane has taken none.
        """
        return BatchFeed(self._parts, self.id, rejected=rejected, held_up=held_up)

    async def seal(self) -> None:
        """Say that nothing more will be added: the batch is done when all its jobs have ended."""
        await self._parts.publishing.flush()
        await self._parts.batches.seal(self.id)

    async def abandon(self) -> None:
        """Say that nothing more will be added, though input is left: `cut_at` tells readers so."""
        cut_at = await self._parts.batches.size(self.id) + 1
        await self._parts.batches.seal(self.id, cut_at=cut_at)

    async def cut_at(self) -> int | None:
        """The number, from 1, of the first line that was not added; None when none is missing."""
        return await self._parts.batches.cut_at(self.id)

    async def progress(self) -> BatchProgress:
        """The counts, exact at the moment of reading.

        Raises:
            BatchNotFound: no such batch: never opened, or past its retention.
        """
        return await self._parts.batches.progress(self.id)

    async def seconds_left(self) -> float:
        """Seconds until the batch and its results are deleted; 0 when there is no such batch."""
        return await self._parts.batches.seconds_left(self.id)

    async def results(
        self,
        *,
        in_order: bool = False,
        wait: bool = True,
        timeout: float | None = None,  # noqa: ASYNC109  as in `as_completed`
    ) -> AsyncGenerator[BatchResult, None]:
        """The result of each entry, as jobs end; may be called again, also by other processes.

        Results are read as the caller takes them, a portion of 2 MiB ahead at most.

        Args:
            in_order: give them in the order of the batch, each waiting for those before it.
            wait: wait for jobs that have not ended, and until the batch is sealed; if not, give
                those that have ended by now, in the order of the batch.
            timeout: seconds to wait; None for no limit.

        Raises:
            BatchNotFound: no such batch.
            BatchAbandoned: all results were given, but the batch was never sealed, and its feeder
                is gone.
            ResultTimeout: not all were given in time.
            InvalidRequest: `timeout` is not a number.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        portions = self.result_portions(in_order=in_order, wait=wait, timeout=timeout)
        async with aclosing(portions):
            async for portion in portions:
                for each in portion:
                    yield each

    async def result_portions(
        self,
        *,
        in_order: bool = False,
        wait: bool = True,
        timeout: float | None = None,  # noqa: ASYNC109  as in `results`
    ) -> AsyncGenerator[list[BatchResult], None]:
        """As `results`, in portions as they are read."""
        reader = self.reader(in_order=in_order, wait=wait, abandoned_after=ABANDONED_SECONDS)
        async with aclosing(reader.portions(timeout)) as portions:
            async for portion in portions:
                yield portion
        if reader.abandoned:
            raise BatchAbandoned(
                f"{self.id} was never sealed and nobody adds to it any more: entries may be missing"
            )

    def reader(
        self,
        *,
        in_order: bool = False,
        wait: bool = True,
        abandoned_after: float | None,
    ) -> BatchReader:
        """A reader of the batch that can give results again, for callers that cannot keep all."""
        return BatchReader(
            self._parts, self.id, in_order=in_order, wait=wait, abandoned_after=abandoned_after
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
            # A few at a time, because rankings can be large; most often the first few decide.
            for start in range(0, len(page), SLICE):
                part = page[start : start + SLICE]
                ids = [each.job_id for each in part if not isinstance(each, RejectedLine)]
                ends = dict(await self._parts.records.ends(ids))
                if not all(isinstance(ends.get(each), JobNotFound | ResultExpired) for each in ids):
                    return False
                jobs += len(ids)
            position += len(page)
        return jobs > 0

    def _new_feed(self) -> BatchFeed:
        return BatchFeed(self._parts, self.id)
