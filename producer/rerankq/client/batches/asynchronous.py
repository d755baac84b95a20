"""`AsyncBatch`: a batch, whoever opened it. The blocking `Batch` is a face of this one."""

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
    """Jobs that belong together, in order. `client.open_batch()` and `client.batch(id)` give it.

    Whoever adds to it does so within `async with batch:`. Readers then know that more may come; at
    the end the batch is sealed, or, where an exception ended the block, abandoned. A batch that
    was never sealed, and in whose name nobody has given a sign of life for 10 seconds, counts as
    abandoned too.

    Each method raises LedgerUnavailable where Redis does not answer.
    """

    def __init__(self, parts: BatchParts, batch_id: str) -> None:
        self._parts = parts
        self._id = batch_id
        self._feed: BatchFeed | None = None

    def __repr__(self) -> str:
        return f"<rerank batch {self.id}>"

    @property
    def id(self) -> str:
        """The batch's id, by which any process comes back to it."""
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
        """Add one job. When this returns, it stands in the ledger, at the batch's end.

        A job that an `idempotency_key` leads to takes part in the batch as it is. Where a job of
        this `job_id` is known already, nothing is added: so a repeat after a lost answer is safe.

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
            drafts: as for `submit_many`; whatever batch they name, they go into this one.
            patience: seconds for which a full lane may take none of them; None for as long as it
                takes.

        Raises:
            QueueFull, InvalidRequest, IdempotencyConflict: some draft, which is named by its
                position, could not be added. Those before it were, and their handles were given.
            BatchNotFound: there is no such batch.
            LedgerUnavailable: Redis has been away for a minute. How many drafts were added, the
                batch's `progress().total` tells.
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
        """Add a few jobs at once; returns the ids of those that were added, and what is wrong.

        What is wrong with a draft is told, as in `add_many`, and nothing behind it is added.
        `start` is the position of the first draft in its stream.
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
        """What adds to a new batch line by line, of which some may never become jobs.

        Args:
            rejected: told of each line that is no job. With it, an idempotency key of another
                request makes such a line; without, it ends the adding.
            held_up: told the reason, each time a full lane has been asked in vain.
        """
        return BatchFeed(self._parts, self.id, rejected=rejected, held_up=held_up)

    async def seal(self) -> None:
        """Say that nothing more will be added: from now on, all ended means done."""
        await self._parts.publishing.flush()
        await self._parts.batches.seal(self.id)

    async def abandon(self) -> None:
        """Say that nothing more will be added though not all was: `cut_at` tells readers so."""
        cut_at = await self._parts.batches.size(self.id) + 1
        await self._parts.batches.seal(self.id, cut_at=cut_at)

    async def cut_at(self) -> int | None:
        """The number, from 1, of the first line that was not added; None where none is missing."""
        return await self._parts.batches.cut_at(self.id)

    async def progress(self) -> BatchProgress:
        """The counts, exact at the moment of reading.

        Raises:
            BatchNotFound: no such batch: never opened, or past its retention.
        """
        return await self._parts.batches.progress(self.id)

    async def seconds_left(self) -> float:
        """For how long the batch and its results are kept from now on; 0 when there is none."""
        return await self._parts.batches.seconds_left(self.id)

    async def results(
        self,
        *,
        in_order: bool = False,
        wait: bool = True,
        timeout: float | None = None,  # noqa: ASYNC109  as in `as_completed`
    ) -> AsyncGenerator[BatchResult, None]:
        """What each entry came to, as jobs end; may be called again, also elsewhere.

        Results are read as they are taken, a portion of 2 MiB ahead at most.

        Args:
            in_order: give them in the order of the batch, each waiting for those before it.
            wait: wait for jobs that have not ended, and for a batch that is not sealed; else give
                what has ended by now, in the order of the batch.
            timeout: seconds after which nothing more is waited for; None for as long as it takes.

        Raises:
            BatchNotFound: no such batch.
            BatchAbandoned: all there is was given, but the batch was never sealed, and its feeder
                is gone.
            ResultTimeout: not all was given in time.
            InvalidRequest: `timeout` is no number.
            LedgerUnavailable: Redis has been away for a minute.
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
        """As `results`, in the portions in which they are read."""
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
        """What reads the batch, for whoever cannot keep all that it is given; see there."""
        return BatchReader(
            self._parts, self.id, in_order=in_order, wait=wait, abandoned_after=abandoned_after
        )

    async def release(self) -> None:
        """Say that all results were read.

        They are no longer kept as long as the batch (RERANKQ_BATCH_TTL), but from now on for
        RERANKQ_RESULT_TTL.
        """
        position = 0
        while page := await self._parts.batches.page(self.id, position):
            ids = [each.job_id for each in page if not isinstance(each, RejectedLine)]
            await self._parts.batches.collected(self.id, ids)
            position += len(page)

    async def is_past_retention(self) -> bool:
        """Whether the batch has jobs, and what became of them can be had of none any more."""
        position, jobs = 0, 0
        while page := await self._parts.batches.page(self.id, position):
            # A slice at a time, as rankings can be large; as a rule the first one answers.
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
