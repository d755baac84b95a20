import asyncio

from rerankq.cli.collect import Collector, Tally
from rerankq.client import AsyncRerankClient
from rerankq.contract import JobError
from rerankq.ledger.batches import RejectedLine


def test_a_batch_that_was_never_closed_has_an_end(redis_url: str) -> None:
    """Whoever fed it may be dead: after a while without new lines, what is there is all."""
    written: list[bytes] = []

    async def collected() -> Collector:
        async with AsyncRerankClient(redis_url) as client:
            batch_id = await client.batches.open()
            line = RejectedLine(line=1, error=JobError(code="invalid_request", message="line 1"))
            await client.batches.reject(batch_id, line)
            collector = Collector(client, batch_id, written.append, abandoned_after=0.2)
            await collector.run()
            return collector

    collector = asyncio.run(collected())
    assert collector.abandoned
    assert collector.tally == Tally(rejected=1)
    assert len(written) == 1


def test_a_line_that_is_recorded_twice_stands_once(redis_url: str) -> None:
    """A repeat after a lost answer puts nothing into the batch a second time."""

    async def recorded() -> tuple[int, int]:
        async with AsyncRerankClient(redis_url) as client:
            batch_id = await client.batches.open()
            for number in (1, 1, 2, 2):
                error = JobError(code="invalid_request", message="no")
                await client.batches.reject(batch_id, RejectedLine(line=number, error=error))
            progress = await client.batches.progress(batch_id)
            return progress.total, progress.ended

    assert asyncio.run(recorded()) == (2, 2)
