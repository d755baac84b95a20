"""The failed jobs of a batch: why they failed, and submitting them again."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from rerankq import AsyncRerankClient, RerankClient
from rerankq.client.batches import resubmission
from rerankq.contract import BatchOptions, BatchState, JobState
from rerankq.errors import InvalidRequest, JobFailed
from rerankq.ledger.dead import DeadLetters, Wanted
from running.ledger_desk import LedgerDesk
from running.stand_in_worker import StandInWorker

REFUSED, BILLING = "upstream_refused", "upstream_billing"


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """The ledger."""
    with LedgerDesk(redis_url) as made:
        yield made


def failed_batch(desk: LedgerDesk, count: int, *, refused: int | None = None) -> str:
    """A batch with a job that succeeded, and so many that failed; `refused` of them for that."""
    batch = desk.run(desk.batches.open(BatchOptions(metadata={"who": "me"})))
    desk.succeed(desk.claimed("good", batch_id=batch))
    few = count if refused is None else refused
    for at in range(count):
        lease = desk.claimed(f"bad-{at}", batch_id=batch, custom_id=f"line-{at}")
        desk.fail(lease, REFUSED if at < few else BILLING)
    desk.run(desk.batches.seal(batch))
    return batch


def letters(desk: LedgerDesk) -> list[str]:
    return desk.run(DeadLetters(desk.store).ids(Wanted()))


def test_failures_are_read_with_their_reasons(redis_url: str, desk: LedgerDesk) -> None:
    """In the order they failed, from a place on, also before the batch has ended."""
    batch = failed_batch(desk, 3, refused=2)
    with RerankClient(redis_url) as client:
        failures = list(client.batch(batch).failures())
        assert [(each.position, each.custom_id) for each in failures] == [
            *((0, "line-0"), (1, "line-1"), (2, "line-2")),
        ]
        assert {each.state for each in failures} == {JobState.FAILED}
        errors = [each.end for each in failures if isinstance(each.end, JobFailed)]
        assert [error.reason for error in errors] == [REFUSED, REFUSED, BILLING]
        (last,) = client.batch(batch).failures(start=2)
        assert (last.position, last.custom_id) == (2, "line-2")
        assert list(client.batch(batch).failures(start=9)) == []
        with pytest.raises(InvalidRequest, match=r"^start: "):
            list(client.batch(batch).failures(start=-1))


def test_failures_that_are_not_listed_are_found(redis_url: str, desk: LedgerDesk) -> None:
    """A worker of version 0.1 counts a failed job and does not list it: its entry tells of it."""
    batch = failed_batch(desk, 4)
    desk.redis.ltrim(f"rerankq:batch:{batch}:failed", 0, 0)
    with RerankClient(redis_url) as client:
        for start in range(6):
            found = client.batch(batch).failures(start=start)
            wanted = [f"line-{at}" for at in range(start, 4)]
            assert [each.custom_id for each in found] == wanted
        assert client.batch(batch).resubmit_failed().submitted == 4


def test_failed_jobs_are_submitted_again(redis_url: str, desk: LedgerDesk) -> None:
    """As a new batch with the same requests and names; twice makes one batch and no job twice."""
    batch = failed_batch(desk, 45)
    with RerankClient(redis_url) as client:
        done = client.batch(batch).resubmit_failed()
        assert (done.submitted, done.missing) == (45, ())
        assert done.batch is not None
        assert letters(desk) == []
        again = client.batch(batch).resubmit_failed()
        assert again.batch is not None
        assert (again.batch.id, again.submitted, again.missing) == (done.batch.id, 0, ())
        old, new = client.batch(batch).status(), done.batch.status()
        assert (old.retried_by, new.retry_of) == (new.id, batch)
        assert (new.total, new.sealed, new.metadata) == (45, True, {"who": "me"})
        assert (old.failed, old.state) == (45, BatchState.COMPLETED)
        with StandInWorker(redis_url):
            results = list(done.batch.results(in_order=True, timeout=60))
    assert [each.custom_id for each in results] == [f"line-{at}" for at in range(45)]
    assert {each.state for each in results} == {JobState.SUCCEEDED}


def test_only_some_reasons_are_submitted_again(redis_url: str, desk: LedgerDesk) -> None:
    """The others can follow, in a batch of their own; what was submitted is not missing then."""
    batch = failed_batch(desk, 5, refused=2)
    with RerankClient(redis_url) as client:
        first = client.batch(batch).resubmit_failed(reasons={BILLING})
        rest = client.batch(batch).resubmit_failed()
        last = client.batch(batch).resubmit_failed()
    assert (first.submitted, rest.submitted, last.submitted) == (3, 2, 0)
    assert first.batch is not None
    assert rest.batch is not None
    assert last.batch is not None
    assert first.batch.id != rest.batch.id == last.batch.id
    assert first.missing == rest.missing == last.missing == ()


def test_a_request_that_is_gone_is_named(redis_url: str, desk: LedgerDesk) -> None:
    """The other jobs are submitted all the same."""
    batch = failed_batch(desk, 3)
    desk.run(DeadLetters(desk.store).forget(["bad-1"]))
    with RerankClient(redis_url) as client:
        done = client.batch(batch).resubmit_failed()
    assert (done.submitted, done.missing) == (2, ("bad-1",))


def test_nothing_failed_makes_no_batch(redis_url: str, desk: LedgerDesk) -> None:
    """There is no empty batch then."""
    batch = failed_batch(desk, 0)
    with RerankClient(redis_url) as client:
        done = client.batch(batch).resubmit_failed()
        assert (done.batch, done.submitted, done.missing) == (None, 0, ())
        assert len(list(client.batches())) == 1


@pytest.mark.parametrize("step", ["replays", "outlines", "forget", "seal"])
@pytest.mark.parametrize("which", [1, 2])
def test_a_resubmission_that_was_broken_off_is_gone_on_with(
    redis_url: str, desk: LedgerDesk, monkeypatch: pytest.MonkeyPatch, step: str, which: int
) -> None:
    """Wherever its process died: each failed job is in the one new batch, once."""
    monkeypatch.setattr(resubmission, "PORTION", 2)
    batch = failed_batch(desk, 5)

    async def broken_off() -> None:
        async with AsyncRerankClient(redis_url) as client:
            parts = client.batch(batch)._parts  # noqa: SLF001  what it dies in
            owner: Any = {"replays": parts.dead, "forget": parts.dead, "seal": parts.batches}.get(
                step, parts.records
            )
            original, calls = getattr(owner, step), 0

            async def dies(*arguments: Any, **named: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == which:
                    raise ZeroDivisionError
                return await original(*arguments, **named)

            monkeypatch.setattr(owner, step, dies)
            await client.batch(batch).resubmit_failed()

    with suppress(ZeroDivisionError):
        asyncio.run(broken_off())
    with RerankClient(redis_url) as client:
        done = client.batch(batch).resubmit_failed()
        assert done.batch is not None
        assert done.missing == ()
        assert len(list(client.batches())) == 2
        with StandInWorker(redis_url):
            results = list(done.batch.results(in_order=True, timeout=60))
        assert done.batch.status().state is BatchState.COMPLETED
    assert sorted(each.custom_id or "" for each in results) == [f"line-{at}" for at in range(5)]
    assert letters(desk) == []
