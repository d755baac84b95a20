"""streaQ on a Redis stream, one job a message."""

from collections.abc import Sequence
from typing import Any

from streaq import Worker

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

TOGETHER = 1000
worker: Any = Worker(redis_url=REDIS_URL, concurrency=IN_FLIGHT)
call = Caller()


@worker.task(ttl=RESULT_SECONDS)
async def rerank(query: str, documents: list[str]) -> dict[str, Any]:
    """The task."""
    return await call(query, documents)


async def enqueue(work: Sequence[Job]) -> list[str]:
    """`enqueue_many`, 1,000 jobs at a time."""
    ids = []
    for at in range(0, len(work), TOGETHER):
        tasks = [rerank.enqueue(*job) for job in work[at : at + TOGETHER]]
        await worker.enqueue_many(tasks)
        ids += [task.id for task in tasks]
    return ids


async def ask(job: Job) -> Rows:
    """Submit and wait."""
    task = await rerank.enqueue(*job)
    return (await task.result(PATIENCE_SECONDS)).result["results"]  # type: ignore[no-any-return]


async def fetch(job_id: str) -> Rows:
    """Read a result."""
    found = await worker.result_by_id(job_id, timeout=PATIENCE_SECONDS)
    return found.result["results"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    command = [beside_python("streaq"), "run", "bench.peers.streaq_one:worker"]
    main(Tool(command, enqueue, ask, fetch, lambda: worker))
