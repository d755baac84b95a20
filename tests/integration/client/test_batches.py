"""Batches in Python, with both clients."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from rerankq import AsyncRerankClient, BatchResult, RerankClient
from rerankq.client.batches import BatchLine, RejectedLine
from rerankq.contract import Job, JobError, JobState, RerankRequest
from rerankq.errors import (
    BatchAbandoned,
    BatchNotFound,
    IdempotencyConflict,
    InvalidRequest,
    JobFailed,
    QueueFull,
    ResultTimeout,
)
from rerankq.events import (
    BatchCompleted,
    BatchEnded,
    BatchOpened,
    BatchSealed,
    Event,
    Events,
    JobAccepted,
)
from rerankq.settings import ClientSettings
from running.heard import heard
from running.ledger_desk import LedgerDesk
from running.stand_in_worker import StandInWorker

Fill = Callable[[str, int], str]


def drafts(start: int, stop: int) -> Iterator[dict[str, Any]]:
    for number in range(start, stop):
        yield {"query": "q", "documents": ["d"], "custom_id": f"line-{number}"}


def fill(redis_url: str, count: int) -> str:
    """Add `count` jobs to a new batch with the blocking client; returns the batch's id."""
    with RerankClient(redis_url) as client, client.open_batch() as batch:
        batch.add(query="q", documents=["d"], custom_id="line-0")
        assert len(list(batch.add_many(drafts(1, count)))) == count - 1
        return batch.id


def fill_async(redis_url: str, count: int) -> str:
    """The same by the asynchronous client."""

    async def later(start: int, stop: int) -> AsyncIterator[dict[str, Any]]:
        for draft in drafts(start, stop):
            yield draft

    async def filled() -> str:
        async with AsyncRerankClient(redis_url) as client, await client.open_batch() as batch:
            await batch.add(query="q", documents=["d"], custom_id="line-0")
            handles = [each async for each in batch.add_many(later(1, count))]
            assert len(handles) == count - 1
            return batch.id

    return asyncio.run(filled())


def read(redis_url: str, batch_id: str, **how: Any) -> list[BatchResult]:
    with RerankClient(redis_url) as client:
        return list(client.batch(batch_id).results(**how))


def read_async(redis_url: str, batch_id: str, **how: Any) -> list[BatchResult]:
    async def all_of_it() -> list[BatchResult]:
        async with AsyncRerankClient(redis_url) as client:
            return [each async for each in client.batch(batch_id).results(**how)]

    return asyncio.run(all_of_it())


READERS = pytest.mark.parametrize("read", [read, read_async], ids=["blocking", "async"])


@READERS
@pytest.mark.parametrize("fill", [fill, fill_async], ids=["by blocking", "by async"])
def test_another_client_reads_a_batch_by_its_id(
    redis_url: str, fill: Fill, read: Callable[..., list[BatchResult]]
) -> None:
    """Another client, also in another process, gets the result of each job, in order."""
    batch_id = fill(redis_url, 650)
    with StandInWorker(redis_url):
        results = read(redis_url, batch_id, in_order=True, timeout=60)
    assert [each.position for each in results] == list(range(650))
    assert [each.custom_id for each in results] == [f"line-{at}" for at in range(650)]
    assert {each.state for each in results} == {JobState.SUCCEEDED}
    assert results[0].result().job_id == results[0].job_id
    with RerankClient(redis_url) as client:
        progress = client.batch(batch_id).progress()
    assert (progress.sealed, progress.total, progress.succeeded) == (True, 650, 650)


@READERS
def test_results_come_as_jobs_end(redis_url: str, read: Callable[..., list[BatchResult]]) -> None:
    """Without waiting, a reader gets the ended jobs; in order, none comes before its turn."""
    with LedgerDesk(redis_url) as desk:
        batch = desk.run(desk.batches.open())
        first, second = (desk.claimed(name, batch_id=batch) for name in "ab")
        desk.run(desk.batches.seal(batch))
        desk.fail(second)
        (ended,) = read(redis_url, batch, wait=False)
        assert (ended.position, ended.job_id, ended.state) == (1, "b", JobState.FAILED)
        with pytest.raises(JobFailed):
            ended.result()
        for timeout in (0, 0.3):
            with pytest.raises(ResultTimeout, match=f"after {timeout} second"):
                read(redis_url, batch, timeout=timeout)
        with RerankClient(redis_url) as client:
            as_they_end = client.batch(batch).results(timeout=30)
            assert next(as_they_end).job_id == "b"
            in_order = client.batch(batch).results(in_order=True, timeout=30)
            desk.succeed(first)
            assert [each.job_id for each in as_they_end] == ["a"]
            assert [each.job_id for each in in_order] == ["a", "b"]


@READERS
def test_no_batch_is_an_error(redis_url: str, read: Callable[..., list[BatchResult]]) -> None:
    """Reading an unknown batch, or adding to it, raises BatchNotFound."""
    with pytest.raises(BatchNotFound, match="batch-never"):
        read(redis_url, "batch-never")
    with RerankClient(redis_url) as client:
        batch = client.batch("batch-never")
        with pytest.raises(BatchNotFound, match="batch-never"):
            batch.progress()
        with pytest.raises(BatchNotFound, match="batch-never"):
            batch.add(query="q", documents=["d"])
        with pytest.raises(BatchNotFound, match="batch-never"):
            list(batch.add_many(drafts(0, 300)))


def test_the_events_of_a_batch(redis_url: str) -> None:
    """Opening, sealing and completing a batch send one event each, with the counts at the end."""
    events = Events()
    told = heard(events, Event)
    with RerankClient(redis_url, events=events) as client, StandInWorker(redis_url):
        with client.open_batch() as batch:
            for query in ("q", "fail"):
                batch.add(query=query, documents=["d"])
        assert len(list(batch.results())) == 2
        assert len(list(batch.results(wait=False))) == 2
    completed = BatchCompleted(
        batch_id=batch.id,
        total=2,
        rejected=0,
        succeeded=1,
        failed=1,
        cancelled=0,
        expired=0,
    )
    # Who tells of the end itself is whoever made the last write: the worker, or the client's seal.
    of_batch = [
        each for each in told if each.name.startswith("batch.") and not isinstance(each, BatchEnded)
    ]
    assert of_batch == [
        BatchOpened(batch_id=batch.id),
        BatchSealed(batch_id=batch.id, cut_at=None),
        completed,
        completed,
    ]
    accepted = [each for each in told if isinstance(each, JobAccepted)]
    assert [each.job.batch_id for each in accepted] == [batch.id, batch.id]


def test_a_batch_whose_feeder_raises_is_abandoned(redis_url: str) -> None:
    """If the feeder raises, readers at once get what was added and learn that some is missing."""
    with RerankClient(redis_url) as client:
        batch = client.open_batch()
        with pytest.raises(ZeroDivisionError), batch:  # noqa: PT012  the block is the test
            list(batch.add_many(drafts(0, 3)))
            raise ZeroDivisionError
        assert (batch.progress().sealed, batch.cut_at()) == (True, 4)
        with StandInWorker(redis_url):
            assert len(list(batch.results(timeout=30))) == 3


@READERS
def test_a_silent_batch_is_abandoned(
    redis_url: str, read: Callable[..., list[BatchResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that is not sealed and whose feeder is silent for a while keeps no reader waiting."""
    monkeypatch.setattr("rerankq.client.batches.reading.ABANDONED_SECONDS", 0.2)
    with RerankClient(redis_url) as client:
        batch = client.open_batch()
        batch.add(query="q", documents=["d"])
        with StandInWorker(redis_url), pytest.raises(BatchAbandoned, match="was never sealed"):
            read(redis_url, batch.id, timeout=30)


def test_an_invalid_draft_ends_the_adding(redis_url: str) -> None:
    """The error names the draft's position; earlier drafts are in the batch; adding can go on."""
    with RerankClient(redis_url) as client, client.open_batch() as batch:
        adding = batch.add_many([*drafts(0, 2), {"query": "q"}, *drafts(3, 4)])
        assert [next(adding).status().batch_id for _ in range(2)] == [batch.id] * 2
        with pytest.raises(InvalidRequest, match=r"^2\.documents: "):
            next(adding)
        batch.add(query="q", documents=["d"])
        assert batch.progress().total == 3


def test_a_used_key_adds_the_earlier_job(redis_url: str) -> None:
    """The earlier job has the line's place and name; another request with the key is a conflict."""
    draft: dict[str, Any] = {"query": "q", "documents": ["d"], "idempotency_key": "k"}
    with RerankClient(redis_url) as client:
        earlier = client.submit(**draft)
        with client.open_batch() as batch:
            added = batch.add(**draft, custom_id="mine")
            with pytest.raises(IdempotencyConflict):
                batch.add(**draft | {"query": "another"})
        assert added.id == earlier.id
        with StandInWorker(redis_url):
            (result,) = batch.results(timeout=30)
        assert (result.job_id, result.custom_id, result.line) == (earlier.id, "mine", 1)


def test_a_full_lane_ends_the_adding(redis_url: str) -> None:
    """The error says from which draft to go on; the accepted jobs are in the batch."""
    settings = ClientSettings.load(redis_url=redis_url, max_queue_depth=2)
    with RerankClient(settings=settings) as client, client.open_batch() as batch:
        adding = batch.add_many(drafts(0, 4), patience=0.1)
        assert [next(adding).status().custom_id for _ in range(2)] == ["line-0", "line-1"]
        with pytest.raises(QueueFull) as full:
            next(adding)
        assert full.value.position == 2
        assert batch.progress().total == 2


def test_lines_that_are_no_jobs_keep_their_place(redis_url: str) -> None:
    """Lines that are no jobs keep their place in the order, and are reported."""
    told: list[RejectedLine] = []

    async def fed() -> list[BatchResult]:
        async with AsyncRerankClient(redis_url) as client:
            batch = await client.open_batch()
            request = RerankRequest(query="q", documents=("d",))
            job = Job(request=request, batch_id=batch.id, idempotency_key="k")
            other = Job(
                request=RerankRequest(query="r", documents=("d",)),
                batch_id=batch.id,
                idempotency_key="k",
            )
            bad = RejectedLine(line=2, custom_id="bad", error=JobError(code="code", message="no"))
            async with batch.feed(rejected=told.append) as feed:
                await feed.add([BatchLine(1, job), BatchLine(2, bad), BatchLine(3, other)])
                await feed.seal()
            assert (feed.next_line, feed.line_of(2)) == (4, 3)
            with StandInWorker(redis_url):
                return [each async for each in batch.results(in_order=True, timeout=30)]

    results = asyncio.run(fed())
    assert [each.line for each in told] == [2, 3]
    assert [(each.line, each.custom_id) for each in results] == [
        (None, None),
        (2, "bad"),
        (3, None),
    ]
    with pytest.raises(JobFailed, match="no"):
        results[1].result()


def test_released_results_have_their_ordinary_retention(redis_url: str) -> None:
    """Until they are released, results are kept with the batch, then for RERANKQ_RESULT_TTL."""
    batch_id = fill(redis_url, 2)
    with StandInWorker(redis_url), RerankClient(redis_url) as client, LedgerDesk(redis_url) as desk:
        batch = client.batch(batch_id)
        results = list(batch.results(timeout=30))
        keys = [f"celery-task-meta-{each.job_id}" for each in results]
        kept = client.settings.result_ttl
        assert all(desk.redis.ttl(key) > kept for key in keys)
        assert batch.seconds_left() > kept
        batch.release()
        assert all(0 < desk.redis.ttl(key) <= kept for key in keys)
