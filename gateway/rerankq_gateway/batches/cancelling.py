"""Cancelling a batch: it is said at once, and its jobs end beside the request."""

import asyncio
from typing import Final

from rerankq.client import AsyncBatch
from rerankq.errors import LedgerUnavailable

_PATIENCE_SECONDS: Final = 2.0


class Cancelling:
    """Ends the jobs of cancelled batches. If the process dies, workers go on with it."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[int]] = set()

    async def cancel(self, batch: AsyncBatch) -> None:
        """Cancel a batch; a large one goes on ending after this has returned.

        Raises:
            BatchNotFound, LedgerUnavailable: as `AsyncBatch.cancel` says; the latter also when it
                is not recorded yet that the batch is cancelled.
        """
        task = asyncio.create_task(batch.cancel())
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait((task,), timeout=_PATIENCE_SECONDS)
        if task.done():
            task.result()
        elif not (await batch.status()).cancelled_at:
            raise LedgerUnavailable(
                f"Redis has not recorded in {_PATIENCE_SECONDS:g} s that {batch.id} is cancelled, "
                "and may do it later: cancel it again, which is safe",
                uncertain=True,
            )

    def _ended(self, task: asyncio.Task[int]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked was told already
