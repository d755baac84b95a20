"""The clients' part that opens batches, lists them, and tells why jobs wait."""

from rerankq.client.batches.asynchronous import AsyncBatch
from rerankq.client.batches.parts import BatchParts
from rerankq.client.drafts import checked_id
from rerankq.contract import WaitReason


class AsyncBatchOpener:
    """What `AsyncRerankClient` does with batches as a whole."""

    _batch_parts: BatchParts

    async def open_batch(self) -> AsyncBatch:
        """A new batch, to which jobs are added.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        return self.batch(await self._batch_parts.batches.open())

    def batch(self, batch_id: str) -> AsyncBatch:
        """A batch that was opened earlier, also by another process.

        Redis is not asked: if there is no such batch, `progress` and `results` raise.
        """
        return AsyncBatch(self._batch_parts, batch_id)

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
