"""Celery, batched by hand: 50 jobs a message, awaited on one loop, each with a result of its own.

A team may write this to save Celery's cost of messages without a new tool. It has no leases, no
retries, no limits and no checks. A lost message loses 50 jobs, and the results of a message come
when its slowest job has ended.
"""

import asyncio
import sys
import uuid
from collections.abc import Sequence
from typing import Any

import orjson
from celery import Celery
from kombu.serialization import register

from bench.entry import (
    IN_FLIGHT,
    PATIENCE_SECONDS,
    REDIS_URL,
    RESULT_SECONDS,
    UPSTREAM_URL,
    Rows,
    Tool,
    main,
)
from bench.peers import background
from bench.peers.calling import client
from bench.work import Job, body, result

JOBS = 50
MESSAGES = 20
"""Published in one pipeline."""

register(
    "orjson",
    lambda value: orjson.dumps(value).decode(),
    orjson.loads,
    content_type="application/x-orjson",
    content_encoding="utf-8",
)
# The stubs have neither `Producer.batch` nor the Redis backend's own methods.
app: Any = Celery("bench", broker=REDIS_URL, backend=REDIS_URL)
app.conf.update(
    task_acks_late=True,
    result_expires=RESULT_SECONDS,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    task_serializer="orjson",
    accept_content=["json", "orjson"],
    broker_transport_options={"body_encoding": "utf-8"},
)
clients: list[Any] = []

Named = tuple[str, str, list[str]]


async def _one(query: str, documents: list[str]) -> dict[str, Any]:
    content = orjson.dumps(body(Job(query, documents)))
    headers = {"content-type": "application/json"}
    response = await clients[0].post(UPSTREAM_URL, content=content, headers=headers)
    response.raise_for_status()
    return result(orjson.loads(response.content))


async def _all(batch: Sequence[Named]) -> list[dict[str, Any]]:
    if not clients:
        clients.append(client())
    return await asyncio.gather(*(_one(query, documents) for _, query, documents in batch))


@app.task(name="rerank_many", ignore_result=True)
def rerank_many(batch: Sequence[Named]) -> None:
    """The task: results go to Redis together, each as Celery's backend would write it."""
    found = background.run(_all(batch))
    with app.backend.client.pipeline(transaction=False) as pipe:
        for (job_id, _, _), each in zip(batch, found, strict=True):
            meta = {"status": "SUCCESS", "result": each, "traceback": None, "task_id": job_id}
            key, content = (
                app.backend.get_key_for_task(job_id),
                orjson.dumps(meta | {"children": []}),
            )
            pipe.setex(key, RESULT_SECONDS, content)
            pipe.publish(key, content)
        pipe.execute()


def enqueue(work: Sequence[Job]) -> list[str]:
    """50 jobs a message, 20 messages a pipeline."""
    named = [(str(uuid.uuid4()), *job) for job in work]
    with app.producer_pool.acquire(block=True) as producer, producer.batch(max_size=MESSAGES):
        for at in range(0, len(named), JOBS):
            rerank_many.apply_async((named[at : at + JOBS],), producer=producer)
    return [job_id for job_id, _, _ in named]


def ask(job: Job) -> Rows:
    """Submit a batch of one and wait."""
    job_id = str(uuid.uuid4())
    waiting = app.AsyncResult(job_id)
    rerank_many.apply_async(([(job_id, *job)],))
    return waiting.get(timeout=PATIENCE_SECONDS)["results"]  # type: ignore[no-any-return]


def fetch(job_id: str) -> Rows:
    """Read a result."""
    return app.AsyncResult(job_id).get(timeout=PATIENCE_SECONDS)["results"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    command = [
        *(sys.executable, "-m", "celery", "-A", "bench.peers.celery_batched", "worker"),
        *("-P", "threads", "-c", str(max(2, IN_FLIGHT // JOBS)), "-l", "WARNING"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]
    main(Tool(command, enqueue, ask, fetch))
