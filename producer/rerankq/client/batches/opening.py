"""The clients' part that opens batches, lists them, and tells why jobs wait."""

from collections.abc import AsyncGenerator
from typing import Final, Unpack

from rerankq.client.batches.asynchronous import AsyncBatch
from rerankq.client.batches.options import BatchArguments, named_batch
from rerankq.client.batches.parts import BatchParts
from rerankq.client.drafts import checked_id
from rerankq.client.patience import patiently
from rerankq.contract import BatchOptions, BatchStatus, WaitReason
from rerankq.errors import InvalidRequest

LISTED_AT_ONCE: Final = 100


class AsyncBatchOpener:
    """What `AsyncRerankClient` does with batches as a whole."""

    _batch_parts: BatchParts

    async def open_batch(self, **options: Unpack[BatchArguments]) -> AsyncBatch:
        """A new batch, to which jobs are added; `BatchArguments` says what can be told of it.

        Raises:
            InvalidRequest: names the offending option.
            LedgerUnavailable: Redis did not answer.
        """
        return await self.batch(**options).open()

    def batch(self, batch_id: str | None = None, **options: Unpack[BatchArguments]) -> AsyncBatch:
        """A batch by its id, or a new one, which `async with` or `open()` opens.

        With an id alone it is a batch that was opened earlier, also by another process. Redis is
        not asked: if there is no such batch, its methods raise. With an id and options, it is
        opened under that id, unless it is there already.

        Raises:
            InvalidRequest: names the offending option.
        """
        return self.batch_as(*named_batch(batch_id, options))

    def batch_as(self, batch_id: str, options: BatchOptions | None) -> AsyncBatch:
        """As `batch`, with options that were checked; None for one that was opened earlier."""
        return AsyncBatch(self._batch_parts, batch_id, options)

    async def batches(
        self, *, after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[BatchStatus, None]:
        """The batches, newest first; read a page at a time.

        Args:
            after: the id of the last one that was seen; they go on behind it.
            limit: how many at most; all when None.

        Raises:
            BatchNotFound: no batch has the id `after`.
            InvalidRequest: `limit` is no number of batches.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        if limit is not None and (type(limit) is not int or limit < 0):
            raise InvalidRequest("limit", "must be a whole number from 0")
        left = limit
        while left is None or left > 0:
            most = min(LISTED_AT_ONCE, LISTED_AT_ONCE if left is None else left)
            page = await patiently(lambda: self._page(after, most))  # noqa: B023  awaited at once
            for each in page:
                yield each
            if not page:
                return
            after = page[-1].id
            left = None if left is None else left - len(page)

    async def why(self, job_id: str | None = None) -> tuple[WaitReason, ...]:
        """Why a job has not ended, the most important reason first; empty while it runs or has.

        Without an id: what holds up jobs of any kind, such as an account that is out of use.

        Raises:
            JobNotFound: the ledger does not know it (any more).
            LedgerUnavailable: Redis did not answer.
        """
        if job_id is None:
            return await self._batch_parts.why.of_upstream()
        return await self._batch_parts.why.of_job(checked_id(job_id))

    async def _page(self, after: str | None, most: int) -> list[BatchStatus]:
        return await self._batch_parts.batches.listed(tenant=None, after=after, limit=most)
