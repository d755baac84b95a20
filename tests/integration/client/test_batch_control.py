"""Watching, pausing, resuming and cancelling batches, by both clients."""

import asyncio
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from rerankq import AsyncRerankClient, RerankClient
from rerankq.contract import BatchOptions, BatchState, BatchStatus, JobState
from rerankq.errors import BatchClosed, BatchNotFound, InvalidRequest, ResultTimeout
from rerankq.ledger.batch_controls import BatchControls, Cancelled, Released
from rerankq.ledger.batches import OwnJob
from rerankq.settings import ClientSettings
from running.ledger_desk import LedgerDesk, job
from running.stand_in_worker import StandInWorker
from running.waiting import eventually


class Face(Protocol):
    """One of the two clients, with each answer as a plain value."""

    def __call__(self, redis_url: str, batch_id: str | None, method: str, **how: Any) -> Any:
        """Call a method of the batch, or of the client where there is none."""


def blocking(redis_url: str, batch_id: str | None, method: str, **how: Any) -> Any:
    with RerankClient(redis_url) as client:
        answer = getattr(client if batch_id is None else client.batch(batch_id), method)(**how)
        return list(answer) if isinstance(answer, Iterator) else answer


def asynchronous(redis_url: str, batch_id: str | None, method: str, **how: Any) -> Any:
    async def asked() -> Any:
        async with AsyncRerankClient(redis_url) as client:
            answer = getattr(client if batch_id is None else client.batch(batch_id), method)(**how)
            return [each async for each in answer] if hasattr(answer, "__aiter__") else await answer

    return asyncio.run(asked())


FACES = pytest.mark.parametrize("face", [blocking, asynchronous], ids=["blocking", "async"])


@pytest.fixture
def desk(redis_url: str) -> Iterator[LedgerDesk]:
    """The ledger, with a worker of the bulk lane."""
    with LedgerDesk(redis_url) as made:
        made.redis.zadd("rerankq:workers", {"bulk.7@host.0a1b": made.now_ms()})
        yield made


def sealed(redis_url: str, count: int, **options: Any) -> str:
    """A batch of so many jobs; returns its id."""
    with RerankClient(redis_url) as client, client.batch(**options) as batch:
        drafts = ({"query": "q", "documents": ["d"], "custom_id": f"{at}"} for at in range(count))
        assert len(list(batch.add_many(drafts))) == count
        return batch.id


@FACES
def test_a_status_counts_by_state(redis_url: str, desk: LedgerDesk, face: Face) -> None:
    """Each job is in one state, and the options that it was opened with come back."""
    options: dict[str, Any] = {"metadata": {"who": "me"}, "expected": 9, "deadline_seconds": 3600}
    with RerankClient(redis_url) as client:
        batch = client.open_batch(**options)
    later = desk.now_ms() / 1000 + 3600
    desk.submit(
        *(job(name, batch_id=batch.id) for name in ("a", "b", "c", "d")),
        job("later", batch_id=batch.id, not_before=later),
    )
    one, two, _ = desk.claim("a", "b", "c")
    desk.succeed(one)
    desk.fail(two)
    status: BatchStatus = face(redis_url, batch.id, "status")
    assert (status.state, status.total, status.expected) == (BatchState.OPEN, 5, 9)
    counts = (status.succeeded, status.failed, status.running, status.queued, status.scheduled)
    assert counts == (1, 1, 1, 1, 1)
    assert status.reasons == {"upstream_refused": 1}
    assert status.metadata == {"who": "me"}
    assert status.deadline_at == pytest.approx(status.created_at + 3600, abs=5)
    assert status.waits == ()


@FACES
def test_batches_are_listed_newest_first(redis_url: str, face: Face) -> None:
    """Page by page, behind the last that was seen; an unknown one is an error."""
    with RerankClient(redis_url) as client:
        opened = [client.open_batch(metadata={"n": str(at)}).id for at in range(5)]
    newest = opened[::-1]
    assert [each.id for each in face(redis_url, None, "batches")] == newest
    first = face(redis_url, None, "batches", limit=2)
    rest = face(redis_url, None, "batches", after=first[-1].id)
    assert [each.id for each in (*first, *rest)] == newest
    assert face(redis_url, None, "batches", limit=0) == []
    with pytest.raises(BatchNotFound):
        face(redis_url, None, "batches", after="batch-never")
    for limit in (-1, 1.5, True):
        with pytest.raises(InvalidRequest, match=r"^limit: "):
            face(redis_url, None, "batches", limit=limit)


@FACES
def test_a_paused_batch_stands_still_until_it_is_resumed(redis_url: str, face: Face) -> None:
    """No job of it is called meanwhile, each of them is afterwards, and both may be repeated."""
    batch = sealed(redis_url, 700)
    assert face(redis_url, batch, "pause") is True
    assert face(redis_url, batch, "pause") is False
    with StandInWorker(redis_url):
        eventually(lambda: face(redis_url, batch, "status").held == 700, "all are held")
        status = face(redis_url, batch, "status", why=True)
        assert (status.state, status.succeeded) == (BatchState.PAUSED, 0)
        (reason,) = [each for each in status.waits if each.code == "paused"]
        assert f"rerankq batch resume {batch}" in reason.message
        with pytest.raises(ResultTimeout):
            face(redis_url, batch, "wait", timeout=0)
        assert face(redis_url, batch, "resume") == 700
        assert face(redis_url, batch, "resume") == 0
        ended = face(redis_url, batch, "wait", timeout=60)
    assert (ended.state, ended.succeeded, ended.held) == (BatchState.COMPLETED, 700, 0)


@FACES
def test_a_cancelled_batch_ends(redis_url: str, desk: LedgerDesk, face: Face) -> None:
    """What has ended stays as it is, the rest is cancelled, nothing is added; safe to repeat."""
    batch = sealed(redis_url, 700)
    (first, *_) = desk.run(desk.batches.page(batch, 0))
    assert isinstance(first, OwnJob)
    (done,) = desk.claim(first.job_id)
    desk.succeed(done)
    assert face(redis_url, batch, "cancel") == 699
    assert face(redis_url, batch, "cancel") == 0
    status = face(redis_url, batch, "wait", timeout=10)
    assert (status.state, status.succeeded, status.cancelled) == (BatchState.CANCELLED, 1, 699)
    with RerankClient(redis_url) as client, pytest.raises(BatchClosed):
        client.batch(batch).add(query="q", documents=["d"])
    with pytest.raises(BatchClosed):
        face(redis_url, batch, "pause")


@FACES
def test_a_cancel_counts_what_workers_did_meanwhile(
    redis_url: str, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers cancel jobs of a cancelled batch too: all are in the answer, whoever was first."""
    batch = sealed(redis_url, 3)
    portion = BatchControls.cancel_portion

    async def second(controls: BatchControls, batch_id: str) -> Cancelled:
        await portion(controls, batch_id)
        return await portion(controls, batch_id)

    monkeypatch.setattr(BatchControls, "cancel_portion", second)
    assert face(redis_url, batch, "cancel") == 3
    assert face(redis_url, batch, "cancel") == 0


@FACES
def test_a_resume_counts_what_workers_did_meanwhile(
    redis_url: str, desk: LedgerDesk, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers let jobs of a resumed batch go on too: all are in the answer, whoever was first."""
    batch = sealed(redis_url, 3)
    face(redis_url, batch, "pause")
    entries = desk.run(desk.batches.page(batch, 0))
    assert not desk.claim(*(each.job_id for each in entries if isinstance(each, OwnJob)))
    portion = BatchControls.resume

    async def second(controls: BatchControls, batch_id: str, *, is_first: bool = True) -> Released:
        await portion(controls, batch_id, is_first=is_first)
        return await portion(controls, batch_id, is_first=is_first)

    monkeypatch.setattr(BatchControls, "resume", second)
    assert face(redis_url, batch, "resume") == 3
    assert face(redis_url, batch, "resume") == 0


@FACES
@pytest.mark.parametrize(
    "method",
    ["status", "watch", "wait", "pause", "resume", "cancel", "failures", "resubmit_failed"],
)
def test_no_batch_is_not_found(redis_url: str, face: Face, method: str) -> None:
    """Whatever is asked of it, an unknown id is BatchNotFound."""
    with pytest.raises(BatchNotFound, match="batch-never"):
        face(redis_url, "batch-never", method)


@FACES
def test_a_watch_ends_with_the_batch(redis_url: str, face: Face) -> None:
    """It shows each state on the way, and says last how the batch ended."""
    batch = sealed(redis_url, 3)
    with StandInWorker(redis_url):
        seen = face(redis_url, batch, "watch", every=0.02)
    assert seen[-1].state is BatchState.COMPLETED
    assert [each.succeeded for each in seen] == sorted(each.succeeded for each in seen)
    assert not any(each.state.ended for each in seen[:-1])


def test_a_new_batch_is_opened_when_it_is_used(redis_url: str) -> None:
    """By `open`, by `with`, or by its first job; under a given id once, whoever repeats it."""
    with RerankClient(redis_url) as client:
        batch = client.batch(metadata={"n": "1"})
        with pytest.raises(BatchNotFound):
            batch.status()
        batch.add(query="q", documents=["d"])
        assert (batch.status().metadata, batch.status().total) == ({"n": "1"}, 1)
        named = client.batch("batch-mine", expected=1).open()
        again = client.batch("batch-mine", expected=2).open()
        assert (named.id, again.status().expected) == ("batch-mine", 1)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"metadata": {"n": 1}}, "metadata"),
        ({"deadline_seconds": 0}, "deadline_seconds"),
        ({"expected": -1}, "expected"),
        ({"details": {"n": "x" * 9000}}, "details"),
        ({"dead_line": 1}, "dead_line: is not an argument of open_batch: did you mean"),
        ({"batch_id": "a b", "expected": 1}, "batch_id"),
    ],
)
def test_options_are_checked(redis_url: str, options: dict[str, Any], field: str) -> None:
    """A wrong option is named before anything is opened."""
    with RerankClient(redis_url) as client, pytest.raises(InvalidRequest, match=f"^{field}"):
        client.batch(**options)


def test_a_deadline_of_the_whole_ends_it(redis_url: str, desk: LedgerDesk) -> None:
    """Jobs that have not ended by then expire, none is added, and the batch has expired."""
    batch = sealed(redis_url, 3, deadline_seconds=0.2)
    eventually(lambda: desk.sweep() == [] and _state(redis_url, batch).ended, "it has ended")
    assert _state(redis_url, batch) is BatchState.EXPIRED


def _state(redis_url: str, batch: str) -> BatchState:
    with RerankClient(redis_url) as client:
        return client.batch(batch).status().state


def test_why_a_batch_waits(redis_url: str, desk: LedgerDesk) -> None:
    """Others come first, its jobs are to run later, the lane is full, or it is not sealed."""

    def codes(batch_id: str) -> list[str]:
        settings = ClientSettings.load(redis_url=redis_url, max_queue_depth=4)
        with RerankClient(settings=settings) as client:
            return [each.code for each in client.batch(batch_id).status(why=True).waits]

    batch = desk.run(desk.batches.open(BatchOptions()))
    desk.submit(job("before"), job("first", batch_id=batch), job("second", batch_id=batch))
    assert codes(batch) == ["behind"]
    (before,) = desk.claim("before")
    assert codes(batch) == []
    later = desk.now_ms() / 1000 + 3600
    desk.submit(job("later", batch_id=batch, not_before=later))
    assert codes(batch) == ["not_before", "lane_full"]
    for lease in desk.claim("first", "second"):
        desk.succeed(lease)
    desk.succeed(before)
    desk.cancel("later")
    assert codes(batch) == ["batch_open"]
    desk.run(desk.batches.seal(batch))
    assert codes(batch) == []
    assert desk.state("later") is JobState.CANCELLED
