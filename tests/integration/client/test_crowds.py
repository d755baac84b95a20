"""Hundreds of calls at once on one client."""

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest

from rerankq import AsyncRerankClient, RerankClient
from rerankq.errors import LedgerUnavailable
from running.ledger_desk import LedgerDesk
from running.redis_server import RedisServer
from running.stand_in_worker import StandInWorker
from running.waiting import eventually

DRAFT: dict[str, Any] = {"query": "q", "documents": ["d"], "lane": "interactive"}
CALLS = 300
FEW = 4


def connections(redis_url: str) -> int:
    """How many connections the clients have."""
    with LedgerDesk(redis_url) as desk:
        return sum(each["name"] == "rerankq" for each in desk.redis.client_list())


def unheard(redis_url: str) -> None:
    """Wait until no result has a listener."""
    with LedgerDesk(redis_url) as desk:
        eventually(lambda: not desk.redis.pubsub_channels("celery-task-meta-*"), "all left")


@pytest.mark.parametrize("query", ["", f"?max_connections={FEW}"])
def test_all_calls_at_once_are_answered(redis_url: str, query: str) -> None:
    """Hundreds of calls at once on one client are answered, and all wait on one connection."""
    found: list[str] = []
    seen: list[int] = []

    async def use() -> None:
        async with AsyncRerankClient(redis_url + query) as client:

            async def one() -> None:
                handle = await client.submit(**DRAFT)
                found.append((await handle.result(timeout=60)).job_id)

            calls = [asyncio.create_task(one()) for _ in range(CALLS)]
            seen.append(await asyncio.to_thread(connections, redis_url))
            await asyncio.gather(*calls)
            seen.append(await asyncio.to_thread(connections, redis_url))

    with StandInWorker(redis_url):
        asyncio.run(asyncio.wait_for(use(), 120))
    assert len(set(found)) == CALLS
    if query:
        # Its own worker has some as well: two stores, of one connection each.
        assert max(seen) <= FEW + 1 + 2


def test_all_threads_at_once_are_answered(redis_url: str) -> None:
    """Hundreds of threads that wait on one blocking client are answered, each with its own."""
    found: Counter[str] = Counter()

    with StandInWorker(redis_url), RerankClient(redis_url) as client:

        def one() -> None:
            handle = client.submit(**DRAFT)
            found[handle.result(timeout=60).job_id] += handle.id == handle.result().job_id

        threads = [threading.Thread(target=one) for _ in range(CALLS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
    assert len(found) == CALLS
    assert set(found.values()) == {1}


def test_waits_that_are_over_hold_no_connection(redis_url: str) -> None:
    """After many waits one connection is left, with no subscription."""

    async def use() -> None:
        async with AsyncRerankClient(redis_url) as client:
            handles = [each async for each in client.submit_many([DRAFT] * CALLS)]
            waits = [asyncio.create_task(each.result(timeout=0.2)) for each in handles]
            await asyncio.gather(*waits, return_exceptions=True)
            await asyncio.to_thread(unheard, redis_url)
            assert await asyncio.to_thread(connections, redis_url) < CALLS / 2

    asyncio.run(asyncio.wait_for(use(), 60))


def test_a_redis_that_is_away_refuses_all_soon(own_redis: RedisServer) -> None:
    """While Redis does not answer, calls that wait for a connection fail soon, all together."""

    async def use() -> list[BaseException | object]:
        async with AsyncRerankClient(f"{own_redis.url}?max_connections={FEW}") as client:
            await client.submit(**DRAFT)
            own_redis.stop()
            calls = [client.submit(**DRAFT) for _ in range(CALLS)]
            return list(await asyncio.gather(*calls, return_exceptions=True))

    ends = asyncio.run(asyncio.wait_for(use(), 30))
    assert {type(each) for each in ends} == {LedgerUnavailable}
    assert all("cannot be reached" in str(each) for each in ends)
