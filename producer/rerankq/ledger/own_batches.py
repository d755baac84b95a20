"""The batches of one tenant."""

from collections.abc import AsyncIterator, Sequence

from rerankq.contract import BatchProgress
from rerankq.ledger.batches import Batches, Entry, ExistingJob, RejectedLine
from rerankq.ledger.ownership import Ownership


class OwnBatches(Batches):
    """As `Batches`, for one tenant: another's batch is not found.

    Args:
        batches: those of all.
        ownership: of the tenant.
    """

    def __init__(self, batches: Batches, ownership: Ownership) -> None:
        self.__dict__.update(vars(batches))
        self._all = batches
        self._ownership = ownership

    async def open(self) -> str:
        """Start a batch of the tenant; returns its id."""
        batch_id = await self._all.open()
        await self._store.command(
            "HSET", self._keys.batch(batch_id), "tenant", self._ownership.tenant or ""
        )
        return batch_id

    async def feeding(self, batch_id: str) -> None:
        """Note that the batch is still being fed."""
        await self._ownership.check_batch(batch_id)
        await super().feeding(batch_id)

    async def unfed_seconds(self, batch_id: str) -> float:
        """Seconds since the last entry or call of `feeding`."""
        await self._ownership.check_batch(batch_id)
        return await super().unfed_seconds(batch_id)

    async def reject(self, batch_id: str, line: RejectedLine) -> None:
        """Record a line that is no job."""
        await self._ownership.check_batch(batch_id)
        await super().reject(batch_id, line)

    async def adopt(self, batch_id: str, existing: ExistingJob) -> None:
        """Record that a line's job was accepted earlier."""
        await self._ownership.check_batch(batch_id)
        await super().adopt(batch_id, existing)

    async def seal(self, batch_id: str, *, cut_at: int | None = None) -> None:
        """Say that nothing more will be added."""
        await self._ownership.check_batch(batch_id)
        await super().seal(batch_id, cut_at=cut_at)

    async def cut_at(self, batch_id: str) -> int | None:
        """The first line of input that was not submitted."""
        await self._ownership.check_batch(batch_id)
        return await super().cut_at(batch_id)

    async def collected(self, batch_id: str, job_ids: Sequence[str]) -> None:
        """Note that the batch's reader has the results of these jobs."""
        await self._ownership.check_batch(batch_id)
        await super().collected(batch_id, job_ids)

    async def seconds_left(self, batch_id: str) -> float:
        """Seconds until the batch is deleted."""
        await self._ownership.check_batch(batch_id)
        return await super().seconds_left(batch_id)

    async def progress(self, batch_id: str) -> BatchProgress:
        """The counts."""
        await self._ownership.check_batch(batch_id)
        return await super().progress(batch_id)

    async def size(self, batch_id: str) -> int:
        """How many entries there are so far."""
        await self._ownership.check_batch(batch_id)
        return await super().size(batch_id)

    async def entries(self, batch_id: str, start: int = 0) -> AsyncIterator[Entry]:
        """All entries in the order they were added."""
        await self._ownership.check_batch(batch_id)
        async for entry in super().entries(batch_id, start):
            yield entry

    async def page(self, batch_id: str, start: int) -> list[Entry]:
        """The next entries from position `start`."""
        await self._ownership.check_batch(batch_id)
        return await super().page(batch_id, start)
