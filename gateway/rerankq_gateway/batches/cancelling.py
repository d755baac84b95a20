"""Cancelling a batch: it is said at once, and its jobs end beside the request."""

import asyncio
from typing import Final

from rerankq.client import AsyncBatch

_PATIENCE_SECONDS: Final = 2.0


class Cancelling:
    """Ends the jobs of cancelled batches. If the process dies, workers go on with it."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[int]] = set()

    async def cancel(self, batch: AsyncBatch) -> None:
        """Cancel a batch; a large one goes on ending after this has returned.

        Raises:
            BatchNotFound, LedgerUnavailable: as `AsyncBatch.cancel` says.
        """
        task = asyncio.create_task(batch.cancel())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.wait((task,), timeout=_PATIENCE_SECONDS)
        if task.done():
            task.result()
