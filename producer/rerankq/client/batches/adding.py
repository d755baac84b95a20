"""Adding to a batch, and saying that nothing more will be added."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Self, Unpack

from rerankq.client.admissions import PATIENCE_SECONDS, Offered, foremost
from rerankq.client.batches.feed import BatchFeed, BatchLine
from rerankq.client.batches.one_batch import OneBatch
from rerankq.client.drafts import (
    Draft,
    Submission,
    job_from,
    jobs_from,
    owned,
    portions_of,
    takes_submission,
)
from rerankq.client.handles import AsyncJobHandle
from rerankq.client.prepared import PreparedJob
from rerankq.contract import BatchOptions
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.batches import RejectedLine


class Adding(OneBatch):
    """What `AsyncBatch` does to be filled."""

    _feed: BatchFeed | None = None

    async def open(self) -> Self:
        """Open it, which `async with` does too; safe to repeat: a batch with its id stays as it is.

        Raises:
            LedgerUnavailable: Redis did not answer. The batch may be open: call it again.
        """
        options = self._options or BatchOptions()
        await self._parts.batches.open(options, batch_id=self.id)
        self._options = None
        return self

    async def __aenter__(self) -> Self:
        await self._opened()
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
            BatchClosed: it is sealed, was cancelled, or is past its deadline.
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
        jobs, fault = jobs_from(
            drafts,
            default_model=self._parts.default_model,
            tenant=self._parts.tenant,
            start=start,
        )
        await self._opened()
        feed = self._feed or self._new_feed()
        lines = [
            BatchLine(start + at, job.model_copy(update={"batch_id": self.id}))
            for at, job in enumerate(jobs, 1)
        ]
        ids, refusal = await feed.add(lines, patience=patience)
        return ids, foremost(refusal, fault)

    def prepare(self, draft: Draft) -> PreparedJob:
        """A job of this batch, encoded, to be added by a `feed`.

        It may have a `job_id`, also for a tenant, if the program chose it and no caller did.

        Raises:
            InvalidRequest: names the offending field.
        """
        if isinstance(draft, Mapping):
            # So the job need not be copied.
            draft = {**draft, "batch_id": self.id}
        job = owned(job_from(draft, default_model=self._parts.default_model), self._parts.tenant)
        if job.batch_id != self.id:
            job = job.model_copy(update={"batch_id": self.id})
        return self._parts.admissions.prepare(job)

    def feed(
        self,
        *,
        rejected: Callable[[RejectedLine], None] | None = None,
        held_up: Callable[[str], None] = lambda _: None,
    ) -> BatchFeed:
        """A feed that adds to a new batch line by line; some lines may be no jobs.

        Args:
            rejected: told of each line that is no job. With it, a line whose idempotency key
                belongs to another request is one; without it, such a line ends the adding.
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

    async def unfed_seconds(self) -> float:
        """Seconds since an entry was added, or the feeder was heard of; infinite without a batch.

        A `feed` is heard of every two seconds, also when nothing is added.
        """
        return await self._parts.batches.unfed_seconds(self.id)

    async def cut_at(self) -> int | None:
        """The number, from 1, of the first line that was not added; None when none is missing."""
        return await self._parts.batches.cut_at(self.id)

    async def _opened(self) -> None:
        if self._options is not None:
            await self.open()

    def _new_feed(self) -> BatchFeed:
        return BatchFeed(self._parts, self.id)
