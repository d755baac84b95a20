"""Waiting for results: every wait has an end."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rerankq import AsyncRerankClient, RerankClient
from rerankq.client import JobHandle
from rerankq.contract import CONTRACT_VERSION, Job, JobState, Lane, RerankResult
from rerankq.errors import (
    JobCancelled,
    JobExpired,
    JobFailed,
    JobNotFound,
    ResultExpired,
    ResultTimeout,
    UnsupportedVersion,
)
from rerankq.settings import ClientSettings
from running.ledger_desk import LedgerDesk
from running.redis_server import RedisServer
from running.stand_in_worker import StandInWorker, ranked
from running.waiting import eventually

DRAFT: dict[str, Any] = {"query": "a query", "documents": ["zero", "one", "two"]}
VERSION = f'"version":"{CONTRACT_VERSION}"'.encode()


@pytest.fixture
def client(redis_url: str) -> Iterator[RerankClient]:
    """A blocking client of an empty ledger."""
    with RerankClient(redis_url) as made:
        yield made


def test_result_is_waited_for(client: RerankClient, redis_url: str) -> None:
    """A wait returns the ranking when the job ends; a second wait returns it at once."""
    handle = client.submit(**DRAFT, top_n=2)
    with StandInWorker(redis_url):
        result = handle.result(timeout=20)
    assert [row.index for row in result.results] == [0, 1]
    assert result.job_id == handle.id
    assert handle.result(timeout=0) == result


def test_wait_has_a_timeout(client: RerankClient) -> None:
    """A job that does not end in time is ResultTimeout, also a TimeoutError; the job goes on."""
    handle = client.submit(**DRAFT)
    with pytest.raises(TimeoutError) as caught:
        handle.result(timeout=0.05)
    assert isinstance(caught.value, ResultTimeout)
    assert handle.id in str(caught.value)
    assert handle.status().state is JobState.QUEUED


def test_unknown_id_never_hangs(client: RerankClient) -> None:
    """A wait for an id that the ledger does not know ends at once, without any timeout."""
    with pytest.raises(JobNotFound):
        client.get("never")
    handle = client.submit(**DRAFT)
    with LedgerDesk(client.settings.redis_url) as desk:
        desk.redis.flushdb()
    with pytest.raises(JobNotFound):
        handle.result()
    with pytest.raises(JobNotFound):
        client.cancel("never")


def test_failed_job_raises_its_reason(client: RerankClient, redis_url: str) -> None:
    """The result of a failed job is JobFailed with its reason."""
    with StandInWorker(redis_url):
        handle = client.submit(query="fail", documents=["d"])
        with pytest.raises(JobFailed) as caught:
            handle.result(timeout=20)
    assert caught.value.reason == "upstream_refused"
    error = handle.status().error
    assert error is not None
    assert (error.code, error.message) == ("upstream_refused", "the upstream refused it")


def test_cancelled_job_raises(client: RerankClient) -> None:
    """The result of a cancelled job is JobCancelled, and the cancelled state was told."""
    handle = client.submit(**DRAFT)
    assert client.cancel(handle.id) is JobState.QUEUED
    with pytest.raises(JobCancelled):
        handle.result(timeout=20)
    assert client.cancel(handle.id) is JobState.CANCELLED


def test_expired_job_raises(client: RerankClient, redis_url: str) -> None:
    """The result of a job whose deadline passed is JobExpired."""
    handle = client.submit(**DRAFT, deadline_seconds=0.01)
    with LedgerDesk(redis_url) as desk:
        eventually(lambda: desk.sweep() or desk.state(handle.id).ended, "the deadline passes")
    with pytest.raises(JobExpired):
        handle.result(timeout=20)


def test_result_past_its_retention_raises(redis_url: str) -> None:
    """A result past its retention raises ResultExpired; the wait does not hang."""
    settings = ClientSettings.load(redis_url=redis_url)
    with RerankClient(settings=settings) as client, LedgerDesk(redis_url) as desk:
        handle = client.submit(**DRAFT)
        client.cancel(handle.id)
        desk.redis.delete(f"celery-task-meta-{handle.id}")
        with pytest.raises(ResultExpired):
            handle.result()


def test_as_completed_yields_each_once(client: RerankClient, redis_url: str) -> None:
    """Each handle comes once, when its job has ended, even if it was given twice."""
    handles = list(client.submit_many([DRAFT] * 120))
    assert client.cancel(handles[7].id) is JobState.QUEUED
    with StandInWorker(redis_url):
        done = list(client.as_completed([*handles, handles[0]], timeout=60))
    assert sorted(handle.id for handle in done) == sorted(handle.id for handle in handles)
    assert [handle for handle in done if handle.status().state is JobState.CANCELLED]


def test_as_completed_gives_what_there_is_before_its_timeout(
    client: RerankClient, redis_url: str
) -> None:
    """Handles whose jobs have ended come first; then the timeout says how many have not."""
    ended, *others = client.submit_many([DRAFT] * 3)
    client.cancel(ended.id)
    completed = client.as_completed([*others, ended], timeout=0.2)
    assert next(completed).id == ended.id
    with pytest.raises(ResultTimeout, match="2 jobs have not ended"):
        next(completed)
    with StandInWorker(redis_url):
        assert len(list(client.as_completed(others, timeout=20))) == 2


def test_as_completed_of_nothing_is_over_at_once(client: RerankClient) -> None:
    """Waiting for no job returns at once."""
    assert list(client.as_completed([])) == []


def test_wait_survives_a_restart_of_redis(tmp_path: Path) -> None:
    """A wait goes on while Redis is killed and restarted, and then returns the result."""
    with (
        RedisServer(tmp_path, fsync="always") as server,
        RerankClient(server.url) as client,
    ):
        handle = client.submit(**DRAFT)
        results: list[object] = []
        waiter = threading.Thread(target=lambda: results.append(handle.result(timeout=60)))
        waiter.start()
        with server.client() as redis:
            eventually(
                lambda: redis.pubsub_numsub(f"celery-task-meta-{handle.id}")[0][1], "the wait began"
            )
        server.stop(signal.SIGKILL)
        server.start()
        assert handle.status().state is JobState.QUEUED
        with StandInWorker(server.url):
            waiter.join(60)
        assert len(results) == 1


def test_a_result_is_found_although_its_message_was_missed(
    client: RerankClient, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result whose message never arrives is found by asking."""
    from rerankq.store.subscription import Subscription  # noqa: PLC0415 - replaced only here

    monkeypatch.setattr(Subscription, "join", lambda *_: None)
    handle = client.submit(**DRAFT)
    with StandInWorker(redis_url):
        assert handle.result(timeout=20).job_id == handle.id


def test_another_database_ends_no_wait(redis_url: str) -> None:
    """A message from another database under the job's id ends no wait."""
    other_url = f"{redis_url.rsplit('/', 1)[0]}/1"
    mine: dict[str, Any] = DRAFT | {"documents": ["one"], "job_id": "same"}
    with RerankClient(redis_url) as client, RerankClient(other_url) as other:
        handle, others = client.submit(**mine), other.submit(**DRAFT, job_id="same")
        ends: list[RerankResult] = []
        waiter = threading.Thread(target=lambda: ends.append(handle.result(timeout=60)))
        waiter.start()
        with LedgerDesk(redis_url) as desk:
            channel = f"celery-task-meta-{handle.id}"
            eventually(lambda: desk.redis.pubsub_numsub(channel)[0][1], "the wait began")
        with StandInWorker(other_url):
            assert len(others.result(timeout=20).results) == 3
        assert handle.status().state is JobState.QUEUED
        assert waiter.is_alive()
        with StandInWorker(redis_url):
            waiter.join(60)
    assert [len(end.results) for end in ends] == [1]


def test_result_of_another_version_ends_its_own_wait_alone(
    client: RerankClient, redis_url: str
) -> None:
    """A stored result that this version cannot read ends only the wait for its own job."""
    strange, ordinary = client.submit_many([DRAFT] * 2)
    with StandInWorker(redis_url):
        ordinary.result(timeout=20)
        strange.result(timeout=20)
    with LedgerDesk(redis_url) as desk:
        key = f"celery-task-meta-{strange.id}"
        stored = desk.redis.get(key)
        assert isinstance(stored, bytes)
        desk.redis.set(key, stored.replace(VERSION, b'"version":"9.0"'))
    again = [client.get(each.id) for each in (strange, ordinary)]
    assert len(list(client.as_completed(again, timeout=20))) == 2
    with pytest.raises(UnsupportedVersion, match=r"9\.0"):
        again[0].result()
    assert again[1].result().job_id == ordinary.id
    assert again[0].status().state is JobState.SUCCEEDED


def test_threads_share_a_client(client: RerankClient, redis_url: str) -> None:
    """Many threads submit and wait through one client at once, each getting its own result."""
    found: dict[str, str] = {}

    def use(name: str) -> None:
        handle: JobHandle = client.submit(**DRAFT, custom_id=name)
        assert handle.result(timeout=30).job_id == handle.id
        found[name] = handle.status().custom_id or ""

    with StandInWorker(redis_url):
        threads = [threading.Thread(target=use, args=(str(number),)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == {str(number): str(number) for number in range(12)}


def test_asynchronous_client_does_the_same(redis_url: str) -> None:
    """Submit, stream, wait, cancel: the asynchronous client, on the caller's own loop."""

    async def use() -> None:
        async with AsyncRerankClient(redis_url) as client:
            handle = await client.submit(**DRAFT, lane=Lane.INTERACTIVE)
            result = await handle.result(timeout=20)
            assert result.model_dump(exclude={"timings"}) == ranked_as(handle.id)
            many = [each async for each in client.submit_many([DRAFT] * 60)]
            done = {each.id async for each in client.as_completed(many, timeout=30)}
            assert done == {each.id for each in many}
            assert await client.cancel(handle.id) is JobState.SUCCEEDED
            with pytest.raises(JobNotFound):
                await client.get("never")

    with StandInWorker(redis_url):
        asyncio.run(use())


def ranked_as(job_id: str) -> dict[str, Any]:
    job = Job.model_validate({"id": job_id, "request": DRAFT})
    return ranked(job).model_dump(exclude={"timings"})


def test_closed_client_leaves_nothing_behind(redis_url: str) -> None:
    """After close no thread and no connection of the client is left, and using it is an error."""
    others = threading.enumerate()
    client = RerankClient(redis_url)
    before = time.monotonic()
    handle = client.submit(**DRAFT)
    with pytest.raises(ResultTimeout):
        handle.result(timeout=0.01)
    client.close()
    client.close()
    assert time.monotonic() - before < 20
    left = [each.name for each in threading.enumerate() if each not in others]
    assert not [name for name in left if name.startswith("rerankq")]
    with LedgerDesk(redis_url) as desk:
        assert "rerankq" not in [each["name"] for each in desk.redis.client_list()]
    with pytest.raises(RuntimeError, match="closed"):
        handle.status()
