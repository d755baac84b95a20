"""`rerankq.testing`: what users' own tests may rely on."""

import asyncio
import logging
import signal
import threading
from collections.abc import Sequence

import pytest

from rerankq import AsyncRerankClient, RerankClient
from rerankq.broker.hint_reader import HintReader
from rerankq.contract import JobState
from rerankq.errors import JobCancelled, JobExpired, JobFailed, LedgerUnavailable
from rerankq.testing import FakeRerankq, Retryable, Scores
from running.redis_server import RedisServer
from running.waiting import eventually

DOCUMENTS = ["one", "three", "a"]
BY_LENGTH = [1, 0, 2]
SECONDS = 30


def by_length(_: str, documents: Sequence[str]) -> list[float]:
    """Longer is better."""
    return [len(text) for text in documents]


async def by_length_later(query: str, documents: Sequence[str]) -> list[float]:
    """The same, from a coroutine."""
    await asyncio.sleep(0)
    return by_length(query, documents)


@pytest.mark.parametrize("scores", [by_length, by_length_later])
def test_a_function_ranks(scores: Scores) -> None:
    """The function's scores give a ranking: best first, `top_n` rows, documents as submitted."""
    with FakeRerankq(scores) as fake:
        job = fake.client.submit(query="q", documents=DOCUMENTS, top_n=2, metadata={"a": "b"})
        result = job.result(timeout=SECONDS)
        assert [row.index for row in result.results] == BY_LENGTH[:2]
        assert [row.relevance_score for row in result.results] == [5.0, 3.0]
        assert result.results[0].document
        assert result.results[0].document.text == "three"
        assert (result.metadata, result.attempts) == ({"a": "b"}, 1)
        assert [each.query for each in fake.requests] == ["q"]


def test_it_serves_coroutines() -> None:
    """`async with` gives a client for coroutines; it serves both lanes and hundreds of jobs."""

    async def scenario() -> None:
        async with FakeRerankq(by_length) as fake:
            drafts = [
                {"query": str(number), "documents": DOCUMENTS, "lane": lane}
                for number in range(150)
                for lane in ("bulk", "interactive")
            ]
            handles = [each async for each in fake.async_client.submit_many(drafts)]
            async for each in fake.async_client.as_completed(handles, timeout=SECONDS):
                assert [row.index for row in (await each.result()).results] == BY_LENGTH
            assert len(fake.requests) == len(drafts)

    asyncio.run(scenario())


def test_code_under_test_finds_it_by_its_address() -> None:
    """Any client with its address is served, also the clients of the code under test."""

    async def scenario(url: str) -> list[int]:
        async with AsyncRerankClient(url) as client:
            job = await client.submit(query="q", documents=DOCUMENTS)
            return [row.index for row in (await job.result(timeout=SECONDS)).results]

    with FakeRerankq(by_length) as fake, RerankClient(fake.redis_url) as client:
        assert asyncio.run(scenario(fake.redis_url)) == BY_LENGTH
        job = client.submit(query="q", documents=DOCUMENTS)
        assert [row.index for row in job.result(timeout=SECONDS).results] == BY_LENGTH


@pytest.mark.parametrize("gives", ["raises", "returns"])
def test_errors_on_request(gives: str) -> None:
    """A job with a retryable error shows it and is tried again; a final error ends the job."""
    verdicts: list[Exception] = [
        Retryable("upstream_throttled", status=429, uses_attempt=False),
        Retryable(status=502),
        JobFailed("upstream_refused", "too long", status=400),
    ]

    def scores(_: str, documents: Sequence[str]) -> Sequence[float] | Retryable | JobFailed:
        if not verdicts:
            return [0.0 for _ in documents]
        verdict = verdicts.pop(0)
        if gives == "returns":
            assert isinstance(verdict, Retryable | JobFailed)
            return verdict
        raise verdict

    with FakeRerankq(scores) as fake:
        with pytest.raises(JobFailed) as caught:
            fake.client.submit(query="q", documents=["d"]).result(timeout=SECONDS)
        assert (caught.value.reason, caught.value.status) == ("upstream_refused", 400)
        assert len(fake.requests) == 3
        verdicts.append(Retryable(delay_seconds=3600))
        job = fake.client.submit(query="q", documents=["d"])
        eventually(lambda: job.status().last_error, "it is postponed")
        status = job.status()
        assert (status.state, status.attempts) == (JobState.SCHEDULED, 1)


def test_attempts_run_out() -> None:
    """A job that gets only retryable errors fails when its attempts are used up."""

    def scores(_: str, __: Sequence[str]) -> list[float]:
        raise Retryable("upstream_unavailable", status=503)

    with FakeRerankq(scores, max_attempts=2) as fake:
        with pytest.raises(JobFailed) as caught:
            fake.client.submit(query="q", documents=["d"]).result(timeout=SECONDS)
        failed = caught.value
        assert (failed.reason, failed.status, failed.attempts) == ("upstream_unavailable", 503, 2)
        assert len(fake.requests) == 2


@pytest.mark.parametrize("wrong", [[1.0], [float("nan"), 0.0, 1.0], None])
def test_a_fault_in_the_function_ends_the_job(
    wrong: list[float] | None, caplog: pytest.LogCaptureFixture
) -> None:
    """If the function returns wrong scores or none, the job fails, and the log says why."""

    def scores(_: str, __: Sequence[str]) -> list[float]:
        assert wrong is not None, "the words of the test"
        return wrong

    caplog.set_level(logging.ERROR)
    with FakeRerankq(scores) as fake, pytest.raises(JobFailed) as caught:
        fake.client.submit(query="q", documents=DOCUMENTS).result(timeout=SECONDS)
    assert caught.value.reason == "internal_error"
    assert "the words of the test" not in str(caught.value)
    assert ("the words of the test" in caplog.text) == (wrong is None)


def test_a_function_that_waits_delays_no_other_job() -> None:
    """While it waits, other jobs are ranked; its job can be cancelled or expire; exit is quick."""
    waits = threading.Event()

    def scores(query: str, documents: Sequence[str]) -> list[float]:
        if query == "waits":
            waits.wait()
        return by_length(query, documents)

    with FakeRerankq(scores) as fake:
        cancelled, expired, left = (
            fake.client.submit(query="waits", documents=["d"], deadline_seconds=deadline)
            for deadline in (None, 1.0, None)
        )
        eventually(lambda: len(fake.requests) == 3, "all three wait")
        other = fake.client.submit(query="q", documents=DOCUMENTS)
        assert [row.index for row in other.result(timeout=SECONDS).results] == BY_LENGTH
        cancelled.cancel()
        for job, end in ((cancelled, JobCancelled), (expired, JobExpired)):
            with pytest.raises(end):
                job.result(timeout=SECONDS)
        assert left.status().state is JobState.RUNNING
    waits.set()


def test_scores_may_change_meanwhile() -> None:
    """New scores are used for later jobs."""
    with FakeRerankq(by_length) as fake:

        def ranking() -> list[int]:
            job = fake.client.submit(query="q", documents=DOCUMENTS)
            return [row.index for row in job.result(timeout=SECONDS).results]

        assert ranking() == BY_LENGTH
        fake.scores = lambda _, documents: [-len(text) for text in documents]
        assert ranking() == BY_LENGTH[::-1]


def test_a_redis_of_the_users_own(own_redis: RedisServer) -> None:
    """In an existing Redis it uses only its namespace; the next fake ends the jobs left there."""
    never = threading.Event()

    def scores(_: str, __: Sequence[str]) -> list[float]:
        never.wait()
        return [0.0]

    with FakeRerankq(scores, redis_url=own_redis.url, namespace="tests") as fake:
        job_id = fake.client.submit(query="q", documents=["d"]).id
        eventually(lambda: fake.requests, "the function is called")
    with own_redis.client() as redis:
        assert all(key.startswith(b"tests:") for key in redis.scan_iter())
    with FakeRerankq(redis_url=own_redis.url, namespace="tests") as fake:
        assert fake.client.get(job_id).result(timeout=SECONDS).attempts == 1
    never.set()


def test_it_outlives_its_redis(own_redis: RedisServer) -> None:
    """A test may stop Redis for a while: the fake goes on afterwards."""
    with FakeRerankq(by_length, redis_url=own_redis.url) as fake:
        job = fake.client.submit(query="q", documents=DOCUMENTS)
        job.result(timeout=SECONDS)
        own_redis.stop(signal.SIGTERM)
        with pytest.raises(LedgerUnavailable):
            fake.client.submit(query="q", documents=DOCUMENTS)
        with pytest.raises(OSError, match="does not answer"), HintReader(own_redis.url, ""):
            pass  # when this call has given up, the fake's own calls have too
        own_redis.start()
        job = fake.client.submit(query="q", documents=DOCUMENTS)
        assert [row.index for row in job.result(timeout=SECONDS).results] == BY_LENGTH
