"""`AsyncBatch`: a batch, opened by this client or another. The blocking `Batch` runs this one."""

from rerankq.client.batches.adding import Adding
from rerankq.client.batches.reading import Reading
from rerankq.contract import BatchProgress


class AsyncBatch(Adding, Reading):
    """Jobs that belong together, in order. `client.open_batch()` and `client.batch(id)` make it.

    Add to it within `async with batch:`. Readers then know that more may come; at the end of the
    block the batch is sealed, or abandoned if an exception ended the block. A batch that was never
    sealed, and whose feeder was not heard of for 10 seconds, counts as abandoned too.

    Each method raises LedgerUnavailable when Redis does not answer.
    """

    async def progress(self) -> BatchProgress:
        """The counts, exact at the moment of reading.

        Raises:
            BatchNotFound: no such batch: never opened, or past its retention.
        """
        return await self._parts.batches.progress(self.id)

    async def seconds_left(self) -> float:
        """Seconds until the batch and its results are deleted; 0 when there is no such batch."""
        return await self._parts.batches.seconds_left(self.id)
