"""Reading: by Celery's users, of batches, and of results past their retention."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rerankq.contract import JobError, RerankResult
from rerankq.errors import BatchNotFound, JobCancelled, JobFailed, JobNotFound, ResultExpired
from rerankq.ledger.batches import ExistingJob, OwnJob, RejectedLine
from rerankq.store import store
from rerankq.store.script_text import read
from running.ledger_desk import LedgerDesk, job, ranking
from running.waiting import eventually


def celery_result(url: str, job_id: str) -> "AsyncResult[Any]":
    """The job as a Celery app without rerankq's settings sees it."""
    return Celery("another", set_as_current=False, broker=url, backend=url).AsyncResult(job_id)


def test_celery_reads_a_success(desk: LedgerDesk, redis_url: str) -> None:
    """Any Celery user gets the ranking by the job's id."""
    desk.succeed(desk.claimed("a"))
    result = celery_result(redis_url, "a")
    assert RerankResult.parse(result.get(timeout=10)) == ranking("a")
    assert result.state == "SUCCESS"
    done = result.date_done
    assert isinstance(done, datetime)
    assert done.timestamp() == pytest.approx(desk.status("a").finished_at, abs=0.001)


def test_celery_raises_a_failure(desk: LedgerDesk, redis_url: str) -> None:
    """Any Celery user gets rerankq's error if the job has failed."""
    desk.fail(desk.claimed("a"), "upstream_auth")
    with pytest.raises(JobFailed) as caught:
        celery_result(redis_url, "a").get(timeout=10)
    assert caught.value.reason == "upstream_auth"


def test_celery_sees_a_cancelled_job(desk: LedgerDesk, redis_url: str) -> None:
    """For Celery a cancelled job is a revoked task, and its users get rerankq's error."""
    desk.submit(job("a"))
    desk.cancel("a")
    result = celery_result(redis_url, "a")
    with pytest.raises(JobCancelled):
        result.get(timeout=10)
    assert str(result.state) == "REVOKED"


def test_result_goes_before_its_record() -> None:
    """A record is kept twice as long as its result, so "expired" differs from "unknown"."""
    keep = store.Retention(2, 1)
    assert (keep.result_ms, keep.dead_ms) == (2000, 1000)


def test_an_expired_result_differs_from_an_unknown_job(redis_url: str) -> None:
    """After its retention a result is ResultExpired, and later, without a record, JobNotFound."""
    with LedgerDesk(redis_url, result_ttl=0.3) as desk:
        desk.succeed(desk.claimed("a", idempotency_key="k"))
        assert desk.end("a") == ranking("a")
        eventually(lambda: isinstance(desk.end("a"), ResultExpired), "the result is gone")
        assert desk.status("a").error is None
        eventually(lambda: isinstance(desk.end("a"), JobNotFound), "the record is gone")
        with pytest.raises(JobNotFound):
            desk.status("a")
        eventually(lambda: not desk.redis.keys("*:idempotency:*"), "the key is gone")


def test_unknown_job_has_an_answer(desk: LedgerDesk) -> None:
    """An id that was never accepted is JobNotFound for every reader."""
    assert isinstance(desk.end("never"), JobNotFound)
    assert desk.run(desk.records.outlines(["never"])) == [None]
    with pytest.raises(JobNotFound, match="never"):
        desk.status("never")


def test_ends_are_returned_in_the_order_asked(desk: LedgerDesk) -> None:
    """Of many ids those with an end come back, in the order given."""
    for name in ("a", "b"):
        desk.succeed(desk.claimed(name))
    desk.submit(job("open"))
    found = desk.run(desk.records.ends(["never", "b", "open", "a"]))
    assert [job_id for job_id, _ in found] == ["never", "b", "a"]
    assert desk.run(desk.records.ends([])) == []


def test_batch_keeps_order_and_counts(desk: LedgerDesk) -> None:
    """A batch returns its entries in order, and the number of ends of each kind."""
    batch = desk.run(desk.batches.open())
    rejected = RejectedLine(line=2, error=JobError(code="invalid_request", message="no"))
    existing = ExistingJob(job_id="earlier", line=4, custom_id="c")
    desk.submit(job("a", batch_id=batch, custom_id="my own name"))
    for _ in range(2):
        desk.run(desk.batches.reject(batch, rejected))
    desk.submit(job("b", batch_id=batch))
    for _ in range(2):
        desk.run(desk.batches.adopt(batch, existing))
    desk.submit(*(job(name, batch_id=batch) for name in ("c", "d", "e")))
    desk.succeed(desk.claim("a")[0])
    desk.fail(desk.claim("b")[0])
    desk.cancel("c")

    async def entries() -> list[object]:
        return [each async for each in desk.batches.entries(batch)]

    first, *others = map(OwnJob, ("a", "b", "c", "d", "e"))
    first = first._replace(custom_id="my own name")
    assert desk.run(entries()) == [first, rejected, others[0], existing, *others[1:]]
    progress = desk.run(desk.batches.progress(batch))
    assert progress.model_dump(exclude={"id"}) == {
        "sealed": False, "total": 7, "rejected": 1, "existing": 1,
        "succeeded": 1, "failed": 1, "cancelled": 1, "expired": 0,
    }  # fmt: skip
    assert progress.ended == 5
    desk.run(desk.batches.seal(batch))
    assert desk.run(desk.batches.progress(batch)).sealed
    assert desk.run(desk.batches.cut_at(batch)) is None


def test_a_batch_remembers_where_its_feeding_was_cut(desk: LedgerDesk) -> None:
    """A batch that was sealed early names the first line of input that was not submitted."""
    batch = desk.run(desk.batches.open())
    desk.run(desk.batches.seal(batch, cut_at=9401))
    assert desk.run(desk.batches.progress(batch)).sealed
    assert desk.run(desk.batches.cut_at(batch)) == 9401


def test_unknown_batch_is_an_error(desk: LedgerDesk) -> None:
    """A batch that was never opened is BatchNotFound."""
    with pytest.raises(BatchNotFound, match="batch-none"):
        desk.run(desk.batches.progress("batch-none"))


def test_a_batch_past_its_retention_stays_gone(desk: LedgerDesk) -> None:
    """Sealing a batch that is gone creates nothing."""
    desk.run(desk.batches.seal("batch-none"))
    assert not desk.redis.exists("rerankq:batch:batch-none")


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 253_402_300_799_999))
def test_iso_time_is_pythons(desk: LedgerDesk, milliseconds: int) -> None:
    """The ledger writes a time as Python's datetime does, from 1970 to the year 9999."""
    text = read("rerankq.ledger", "iso_time").body
    written = desk.redis.eval(f"{text}\nreturn iso_time(tonumber(ARGV[1]))", 0, milliseconds)
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(
        microsecond=milliseconds % 1000 * 1000
    )
    assert isinstance(written, bytes)
    assert written.decode() == moment.isoformat(timespec="microseconds")


def test_store_closes_what_it_opened(redis_url: str) -> None:
    """A closed store leaves no connection behind, nor does one whose loop has ended."""
    never_closed = store.Store(redis_url)

    async def use() -> None:
        async with store.Store(redis_url) as opened:
            await opened.command("PING")
        await never_closed.command("PING")

    asyncio.run(use())
    with LedgerDesk(redis_url) as desk:
        names = [each["name"] for each in desk.redis.client_list()]
        assert "rerankq" not in names
