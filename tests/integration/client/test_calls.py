"""Submitting and waiting in one call."""

import asyncio
from typing import Any

import orjson
import pytest

from rerankq import AsyncRerankClient, RerankClient
from rerankq.contract import Job, JobState, Lane, RerankRequest
from rerankq.errors import JobFailed, JobNotFound, ResultTimeout
from running.stand_in_worker import StandInWorker

DRAFT: dict[str, Any] = {"query": "a query", "documents": ["one", "two"]}


def job(**given: Any) -> Job:
    return Job(request=RerankRequest(**DRAFT), lane=Lane.INTERACTIVE, **given)


def test_rerank_submits_and_waits(redis_url: str) -> None:
    """`rerank` gives the ranking of an interactive job, in blocking code as well."""
    with StandInWorker(redis_url), RerankClient(redis_url) as client:
        found = client.rerank(**DRAFT, timeout=30)
        assert [each.index for each in found.results] == [0, 1]
        assert client.status(found.job_id).lane is Lane.INTERACTIVE


def test_rerank_that_waits_in_vain_names_its_job(redis_url: str) -> None:
    """When the time is over, the error names the job, which goes on."""
    with RerankClient(redis_url) as client:
        with pytest.raises(ResultTimeout) as caught:
            client.rerank(**DRAFT, timeout=0.01)
        (job_id,) = caught.value.job_ids
        assert client.status(job_id).state is JobState.QUEUED


def test_settled_gives_the_ranking_as_it_is_stored(redis_url: str) -> None:
    """`settled` gives the stored JSON of a ranking, or why there is none."""

    async def settled() -> None:
        async with AsyncRerankClient(redis_url) as client:
            jobs = [job() for _ in range(20)]
            found = await asyncio.gather(*(client.settled(each, 30) for each in jobs))
            assert [each.job_id for each in found] == [each.id for each in jobs]
            stored = [orjson.loads(each.result or b"") for each in found]
            assert [each["job_id"] for each in stored] == [each.id for each in jobs]
            assert not any(each.replayed for each in found)

    with StandInWorker(redis_url):
        asyncio.run(settled())


def test_settled_says_why_there_is_no_ranking(redis_url: str) -> None:
    """A job that fails settles with its error, which is not raised."""

    async def settled() -> None:
        async with AsyncRerankClient(redis_url) as client:
            refused = Job(request=RerankRequest(**DRAFT | {"query": "fail"}))
            found = await client.settled(refused, 30)
            assert found.result is None
            assert isinstance(found.error, JobFailed)
            assert found.error.reason == "upstream_refused"

    with StandInWorker(redis_url):
        asyncio.run(settled())


def test_settled_joins_the_job_of_its_key(redis_url: str) -> None:
    """Under one idempotency key there is one job: whoever comes later waits for it, and is told."""

    async def settled() -> None:
        async with AsyncRerankClient(redis_url) as client:
            jobs = [job(idempotency_key="mine") for _ in range(2)]
            first, second = await asyncio.gather(*(client.settled(each, 30) for each in jobs))
            assert (first.job_id, second.job_id) == (jobs[0].id, jobs[0].id)
            assert (first.replayed, second.replayed) == (False, True)
            assert first.result == second.result

    with StandInWorker(redis_url):
        asyncio.run(settled())


@pytest.mark.parametrize("when", ["before it is sent", "while it is sent", "later"])
@pytest.mark.parametrize("key", [None, "mine"])
def test_job_of_a_caller_that_left_is_withdrawn(redis_url: str, when: str, key: str | None) -> None:
    """With `withdraw` a cancelled call cancels its job, unless others may wait for it by a key."""
    given = job(id="the-job", idempotency_key=key)

    async def left() -> None:
        async with AsyncRerankClient(redis_url) as client:
            call = asyncio.create_task(client.settled(given, 30, withdraw=True))
            for _ in range({"before it is sent": 1, "while it is sent": 3}.get(when, 0)):
                await asyncio.sleep(0)
            if when == "later":
                await recorded(client)
            call.cancel()
            await asyncio.wait([call])

    asyncio.run(left())
    with RerankClient(redis_url) as client:
        found = client.call(state)
    if key is None:
        assert found is not JobState.QUEUED
    if when == "later":
        assert found is (JobState.QUEUED if key else JobState.CANCELLED)


async def recorded(client: AsyncRerankClient) -> None:
    """Wait until the job is known."""
    async with asyncio.timeout(30):
        while await state(client) is None:  # noqa: ASYNC110  within the time limit
            await asyncio.sleep(0.01)


async def state(client: AsyncRerankClient) -> JobState | None:
    """The state of the only job; None when it is not known."""
    try:
        return (await client.status("the-job")).state
    except JobNotFound:
        return None
