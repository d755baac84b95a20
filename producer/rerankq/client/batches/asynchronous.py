"""`AsyncBatch`: a batch, opened by this client or another. The blocking `Batch` runs this one."""

from collections.abc import Collection

from rerankq.client.batches.adding import Adding
from rerankq.client.batches.controls import Controls
from rerankq.client.batches.failures import Failures
from rerankq.client.batches.reading import Reading
from rerankq.client.batches.resubmission import Resubmission


class AsyncBatch(Adding, Reading, Controls, Failures):
    """Jobs that belong together, in order. `client.open_batch()` and `client.batch(id)` make it.

    Add to it within `async with batch:`. Readers then know that more may come; at the end of the
    block the batch is sealed, or abandoned if an exception ended the block. A batch that was never
    sealed, and whose feeder was not heard of for 10 seconds, counts as abandoned too.

    Each method raises LedgerUnavailable when Redis does not answer.
    """

    async def resubmit_failed(self, *, reasons: Collection[str] = ()) -> Resubmission["AsyncBatch"]:
        """Submit the failed jobs again, as the jobs of a new batch, which is sealed then.

        The ends of this batch stay as they are; dead letters of jobs that were submitted again are
        deleted. Safe to repeat: it goes on with a resubmission that was broken off, and submits no
        failed job twice.

        Args:
            reasons: only those that failed for one of these; empty for all.

        Raises:
            BatchNotFound: no such batch.
            QueueFull: the lane has been full for five minutes. Call it again to go on.
            BatchClosed: another process has just ended the same. Call it again to go on.
            LedgerUnavailable: Redis has not answered for a minute. Call it again to go on.
        """
        done = await self.resubmit(reasons)
        batch = None if done.batch is None else AsyncBatch(self._parts, done.batch)
        return Resubmission(batch, done.submitted, done.missing)

    async def seconds_left(self) -> float:
        """Seconds until the batch and its results are deleted; 0 when there is no such batch."""
        return await self._parts.batches.seconds_left(self.id)
