"""arq, one job a message. It polls each 20 ms, as its default of 500 would be the idle latency."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import ArqRedis, RedisSettings
from arq.jobs import Job as ArqJob

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
call = Caller()
pools: list[ArqRedis] = []


async def rerank(_: object, query: str, documents: list[str]) -> dict[str, Any]:
    """The task."""
    return await call(query, documents)


class WorkerSettings:
    """What arq's worker reads."""

    functions: ClassVar = [rerank]
    redis_settings = RedisSettings.from_dsn(REDIS_URL)
    max_jobs = IN_FLIGHT
    keep_result = RESULT_SECONDS
    poll_delay = 0.02


@asynccontextmanager
async def session() -> AsyncIterator[None]:
    """A pool that is open."""
    pools.append(await create_pool(WorkerSettings.redis_settings))
    yield
    await pools.pop().aclose()


async def enqueue(work: Sequence[Job]) -> list[str]:
    """One `enqueue_job` a job, 50 at a time: arq has no call for many jobs."""
    ids = []
    for at in range(0, len(work), TOGETHER):
        sent = await asyncio.gather(
            *(pools[0].enqueue_job("rerank", *job) for job in work[at : at + TOGETHER])
        )
        ids += [each.job_id for each in sent]
    return ids


async def ask(job: Job) -> Rows:
    """Submit and wait."""
    sent = await pools[0].enqueue_job("rerank", *job)
    found = await sent.result(timeout=PATIENCE_SECONDS, poll_delay=0.002)
    return found["results"]  # type: ignore[no-any-return]


async def fetch(job_id: str) -> Rows:
    """Read a result."""
    found = await ArqJob(job_id, pools[0]).result(timeout=PATIENCE_SECONDS)
    return found["results"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    main(
        Tool(
            [beside_python("arq"), "bench.peers.arq_one.WorkerSettings"],
            enqueue,
            ask,
            fetch,
            session,
        )
    )
