"""taskiq on a Redis stream, with acknowledgements; one job a message."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from bench.entry import (
    IN_FLIGHT,
    PATIENCE_SECONDS,
    REDIS_URL,
    RESULT_SECONDS,
    Rows,
    Tool,
    beside_python,
    main,
)
from bench.peers.calling import Caller
from bench.work import Job

TOGETHER = 50
backend: Any = RedisAsyncResultBackend(REDIS_URL, result_ex_time=RESULT_SECONDS)
broker = RedisStreamBroker(REDIS_URL, consumer_id="0").with_result_backend(backend)
call = Caller()


@broker.task(task_name="rerank")
async def rerank(query: str, documents: list[str]) -> dict[str, Any]:
    """The task."""
    return await call(query, documents)


@asynccontextmanager
async def session() -> AsyncIterator[None]:
    """A broker that is connected."""
    await broker.startup()
    yield
    await broker.shutdown()


async def enqueue(work: Sequence[Job]) -> list[str]:
    """One `kiq` a job, 50 at a time: taskiq has no call for many jobs."""
    ids = []
    for at in range(0, len(work), TOGETHER):
        sent = await asyncio.gather(*(rerank.kiq(*job) for job in work[at : at + TOGETHER]))
        ids += [each.task_id for each in sent]
    return ids


async def ask(job: Job) -> Rows:
    """Submit and wait; polls at a hundredth of the default, which would be the latency."""
    task = await rerank.kiq(*job)
    found = await task.wait_result(check_interval=0.002, timeout=PATIENCE_SECONDS)
    return found.return_value["results"]  # type: ignore[no-any-return]


async def fetch(job_id: str) -> Rows:
    """Read a result."""
    return (await backend.get_result(job_id)).return_value["results"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    command = [
        *(beside_python("taskiq"), "worker", "bench.peers.taskiq_stream:broker"),
        *("--workers", "1", "--max-async-tasks", str(IN_FLIGHT), "--ack-type", "when_saved"),
        *("--log-level", "WARNING"),
    ]
    main(Tool(command, enqueue, ask, fetch, session))
