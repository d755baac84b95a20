"""dramatiq with its asyncio middleware, one job a message."""

from collections.abc import Sequence
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware.asyncio import AsyncIO
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

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

broker = RedisBroker(url=REDIS_URL)
backend = RedisBackend(url=REDIS_URL)
broker.add_middleware(
    Results(backend=backend, store_results=True, result_ttl=RESULT_SECONDS * 1000)
)
broker.add_middleware(AsyncIO())
dramatiq.set_broker(broker)
call = Caller()


@dramatiq.actor(actor_name="rerank")
async def rerank(query: str, documents: list[str]) -> dict[str, Any]:
    """The task."""
    return await call(query, documents)


def enqueue(work: Sequence[Job]) -> list[str]:
    """One `send` a job: dramatiq has no call for many jobs."""
    return [rerank.send(*job).message_id for job in work]


def ask(job: Job) -> Rows:
    """Submit and wait."""
    found = rerank.send(*job).get_result(block=True, timeout=PATIENCE_SECONDS * 1000)
    return found["results"]  # type: ignore[no-any-return]


def fetch(job_id: str) -> Rows:
    """Read a result."""
    message = rerank.message("", []).copy(message_id=job_id)
    return message.get_result(backend=backend, block=False)["results"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    command = [
        *(beside_python("dramatiq"), "bench.peers.dramatiq_one"),
        *("--processes", "1", "--threads", str(IN_FLIGHT)),
    ]
    main(Tool(command, enqueue, ask, fetch))
