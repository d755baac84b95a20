"""The results of a batch as they are stored, for programs that pass them on."""

import asyncio
import tracemalloc
from typing import Any

import pytest

from rerankq import AsyncRerankClient, BatchResult, RerankClient
from rerankq.client.batches import Row
from rerankq.contract import JobError, JobState, RerankResult
from rerankq.errors import BatchAbandoned, BatchNotFound, InvalidRequest, JobEnded
from rerankq.ledger.batches import ExistingJob, RejectedLine
from running.keys import KEYS
from running.ledger_desk import LedgerDesk, job
from running.stand_in_worker import StandInWorker
from running.waiting import eventually


def rows(redis_url: str, batch_id: str, **how: Any) -> list[Row]:
    with RerankClient(redis_url) as client:
        return [row for portion in client.batch(batch_id).rows(**how) for row in portion]


def results(redis_url: str, batch_id: str, **how: Any) -> list[BatchResult]:
    with RerankClient(redis_url) as client:
        return list(client.batch(batch_id).results(**how))


def meant(row: Row) -> tuple[Any, ...]:
    ranking = None if row.result is None else RerankResult.parse(row.result)
    return (row.position, row.job_id, row.custom_id, row.line, ranking or row.error)


def said(result: BatchResult) -> tuple[Any, ...]:
    end = result.end
    told: RerankResult | JobError
    if isinstance(end, RerankResult | JobError):
        told = end
    elif isinstance(end, JobEnded):
        told = JobError.of(end)
    else:
        told = JobError(code=end.code, message=str(end))
    return (result.position, result.job_id, result.custom_id, result.line, told)


def test_a_row_means_what_the_result_means(redis_url: str) -> None:
    """For each way in which an entry can end, or be damaged, a row says what the result says."""
    with LedgerDesk(redis_url) as desk:
        batch = desk.run(desk.batches.open())
        desk.submit(job("earlier"))
        desk.succeed(desk.claim("earlier")[0])
        desk.succeed(desk.claimed("good", batch_id=batch, custom_id="mine"))
        desk.fail(desk.claimed("failed", batch_id=batch))
        desk.submit(job("cancelled", batch_id=batch))
        desk.cancel("cancelled")
        desk.submit(job("expired", batch_id=batch, deadline_seconds=0.001))
        eventually(lambda: not desk.sweep() and desk.state("expired").ended, "it has expired")
        bad = RejectedLine(line=5, custom_id="bad", error=JobError(code="code", message="no"))
        desk.run(desk.batches.reject(batch, bad))
        desk.run(desk.batches.adopt(batch, ExistingJob(job_id="earlier", line=6, custom_id="n")))
        for name in ("no-result", "no-record", "damaged", "cut-off", "later-version"):
            desk.succeed(desk.claimed(name, batch_id=batch))
        desk.redis.delete(KEYS.result("no-result"))
        desk.redis.delete(KEYS.job("no-record"), KEYS.result("no-record"))
        stored: Any = desk.redis.get(KEYS.result("damaged"))
        desk.redis.set(KEYS.result("damaged"), b"nonsense")
        desk.redis.set(KEYS.result("cut-off"), stored[:-20])
        other = stored.replace(b"damaged", b"later-version").replace(b'"1.', b'"2.')
        desk.redis.set(KEYS.result("later-version"), other)
        desk.submit(job("open", batch_id=batch), job("behind", batch_id=batch))
        desk.succeed(desk.claim("behind")[0])
        desk.run(desk.batches.seal(batch))

        found = rows(redis_url, batch)
        assert [row.job_id for row in found if row.job_id] == [
            *("good", "failed", "cancelled", "expired", "earlier", "no-result", "no-record"),
            *("damaged", "cut-off", "later-version", "behind"),
        ]
        assert list(map(meant, found)) == list(map(said, results(redis_url, batch, wait=False)))
        ends = [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED]
        assert [row.state for row in found[:4]] == ends
        assert [row.error.code for row in found[6:10] if row.error] == [
            *("result_expired", "job_not_found", "invalid_request", "invalid_request"),
        ]


@pytest.mark.parametrize("start", [0, 1, 499, 500, 777, 1049, 1050, 2000])
def test_reading_goes_on_from_a_position(redis_url: str, start: int) -> None:
    """From any position on, all that come after are read once, waiting or not, in order or not."""
    wanted = list(range(start, 1050))
    with RerankClient(redis_url) as client, client.open_batch() as batch:
        drafts = ({"query": "q", "documents": ["d"]} for _ in range(1050))
        assert len(list(batch.add_many(drafts))) == 1050
    with StandInWorker(redis_url):
        waited = results(redis_url, batch.id, start=start, timeout=60)
        assert sorted(each.position for each in waited) == wanted
        assert [row.position for row in rows(redis_url, batch.id, start=start, wait=True)] == wanted
    for how in ({"wait": False}, {"in_order": True}):
        read = results(redis_url, batch.id, start=start, **how)
        assert [each.position for each in read] == wanted
    assert [row.position for row in rows(redis_url, batch.id, start=start)] == wanted


def test_rows_wait_in_order(redis_url: str) -> None:
    """Who waits gets each row once those before it have come, and the end with the seal."""
    with LedgerDesk(redis_url) as desk:
        batch = desk.run(desk.batches.open())
        first, second = (desk.claimed(name, batch_id=batch) for name in "ab")
        desk.succeed(second)

        async def read() -> list[str | None]:
            loop, seen = asyncio.get_running_loop(), list[str | None]()
            async with AsyncRerankClient(redis_url) as client:
                loop.call_later(0.2, lambda: loop.run_in_executor(None, desk.succeed, first))
                async for portion in client.batch(batch).rows(wait=True):
                    seen += [row.job_id for row in portion]
                    if len(seen) == 2:
                        await loop.run_in_executor(None, desk.run, desk.batches.seal(batch))
            return seen

        assert asyncio.run(read()) == ["a", "b"]


@pytest.mark.parametrize("start", [-1, 1.0, True, "0", None])
def test_what_is_no_position_is_refused(redis_url: str, start: Any) -> None:
    """A start that is no whole number from 0 is an error of the caller, whoever reads."""
    for read in (rows, results):
        with pytest.raises(InvalidRequest, match=r"^start: "):
            read(redis_url, "batch-any", start=start)


def test_rows_of_no_batch(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown batch, and one that was abandoned, are told as by `results`."""
    with pytest.raises(BatchNotFound, match="batch-never"):
        rows(redis_url, "batch-never")
    monkeypatch.setattr("rerankq.client.batches.reading.ABANDONED_SECONDS", 0.2)
    with LedgerDesk(redis_url) as desk:
        batch = desk.run(desk.batches.open())
        assert rows(redis_url, batch) == []
        with pytest.raises(BatchAbandoned, match="was never sealed"):
            rows(redis_url, batch, wait=True)


def test_memory_does_not_grow_with_the_batch(redis_url: str) -> None:
    """A hundred thousand rows are read, and ten thousand jobs added, within a few megabytes."""
    with LedgerDesk(redis_url) as desk, RerankClient(redis_url) as client:
        batch = desk.run(desk.batches.open())
        lease = desk.claimed("one", batch_id=batch)
        desk.succeed(lease)
        # The same job stands in many places: what is read of each is the same as of another.
        for _ in range(100):
            desk.redis.rpush(KEYS.batch_entries(batch), *["one"] * 1000)
        desk.run(desk.batches.seal(batch))
        with client.batch() as filled:
            tracemalloc.start()
            try:
                read = sum(len(portion) for portion in client.batch(batch).rows())
                drafts = ({"query": "q", "documents": ["d"]} for _ in range(10_000))
                added = sum(1 for _ in filled.add_many(drafts))
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert (read, added) == (100_001, 10_000)
    assert peak < 20 * 1024 * 1024
