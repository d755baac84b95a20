"""Jobs that callers submit one by one at the same moment: recorded and announced together."""

import asyncio
import json
from typing import Any

from redis import Redis

from rerankq import AsyncRerankClient
from rerankq.broker.announce import INTERACTIVE_TOGETHER
from rerankq.contract import JobState, Lane
from rerankq.errors import InvalidRequest, LedgerUnavailable, QueueFull
from rerankq.settings import ClientSettings
from running.redis_server import free_port

DRAFT: dict[str, Any] = {"query": "a query", "documents": ["a document"], "lane": "interactive"}


def hints(url: str) -> list[bytes]:
    """The messages in the interactive lane's Celery queue, the oldest first."""
    with Redis.from_url(url) as redis:
        return [bytes(each) for each in reversed(redis.lrange(Lane.INTERACTIVE.queue, 0, -1))]


def named(redis_url: str) -> list[list[str]]:
    """The jobs that each message of the interactive lane names."""
    bodies = [json.loads(json.loads(each)["body"]) for each in hints(redis_url)]
    return [keywords["job_ids"] for _, keywords, _ in bodies]


def test_jobs_of_one_moment_share_messages(redis_url: str) -> None:
    """Interactive jobs that come together share messages of a few; each job is named once."""

    async def submitted() -> list[str]:
        async with AsyncRerankClient(redis_url) as client:
            handles = await asyncio.gather(*(client.submit(**DRAFT) for _ in range(20)))
            return [each.id for each in handles]

    ids = asyncio.run(submitted())
    messages = named(redis_url)
    assert sorted(name for names in messages for name in names) == sorted(ids)
    assert [len(names) for names in messages] == [INTERACTIVE_TOGETHER, INTERACTIVE_TOGETHER, 4]


def test_jobs_one_after_the_other_have_a_message_each(redis_url: str) -> None:
    """A job waits for no others: when it comes alone, its message names it alone, at once."""

    async def submitted() -> None:
        async with AsyncRerankClient(redis_url) as client:
            for expected in (1, 2, 3):
                await client.submit(**DRAFT)
                assert len(named(redis_url)) == expected

    asyncio.run(submitted())


def test_job_that_is_not_valid_fails_alone(redis_url: str) -> None:
    """A job that cannot be recorded, or for which there is no room, fails alone."""

    async def submitted() -> list[Any]:
        settings = ClientSettings.load(redis_url=redis_url, max_queue_depth=3)
        async with AsyncRerankClient(settings=settings) as client:
            drafts = [DRAFT, DRAFT | {"query": "\ud800"}, DRAFT, DRAFT, DRAFT]
            return await asyncio.gather(
                *(client.submit(**each) for each in drafts), return_exceptions=True
            )

    found = [type(each) for each in asyncio.run(submitted())]
    accepted = found[0]
    assert found == [accepted, InvalidRequest, accepted, accepted, QueueFull]


def test_caller_that_left_before_its_job_was_sent_has_none(redis_url: str) -> None:
    """A submit that is cancelled before its job is sent records nothing, and disturbs no other."""

    async def submitted() -> None:
        async with AsyncRerankClient(redis_url) as client:
            staying, leaving = (asyncio.create_task(client.submit(**DRAFT)) for _ in range(2))
            await asyncio.sleep(0)
            leaving.cancel()
            handle = await staying
            assert (await handle.status()).state is JobState.QUEUED
        assert leaving.cancelled()

    asyncio.run(submitted())
    assert [len(each) for each in named(redis_url)] == [1]


def test_each_caller_is_told_of_its_own_job() -> None:
    """When Redis does not answer, each caller's error names its own job."""

    async def submitted() -> list[Any]:
        async with AsyncRerankClient(f"redis://127.0.0.1:{free_port()}") as client:
            calls = (client.submit(**DRAFT, job_id=f"job-{n}") for n in range(3))
            return await asyncio.gather(*calls, return_exceptions=True)

    found = asyncio.run(submitted())
    assert [type(each) for each in found] == [LedgerUnavailable] * 3
    assert [each.job_id for each in found] == ["job-0", "job-1", "job-2"]
