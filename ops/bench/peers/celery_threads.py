"""Celery as it comes: its thread pool, a blocking httpx client, one job a message."""

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import httpx
from celery import Celery

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
from bench.peers.calling import CALL_SECONDS
from bench.work import Job, body, result

# The stubs have neither `Producer.batch` nor the Redis backend's own methods.
app: Any = Celery("bench", broker=REDIS_URL, backend=REDIS_URL)
app.conf.update(
    task_acks_late=True,
    result_expires=RESULT_SECONDS,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@cache
def _client() -> httpx.Client:
    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    return httpx.Client(limits=limits, timeout=CALL_SECONDS, trust_env=False)


@app.task(name="rerank")
def rerank(query: str, documents: list[str]) -> dict[str, Any]:
    """The task."""
    response = _client().post(UPSTREAM_URL, json=body(Job(query, documents)))
    response.raise_for_status()
    return result(response.json())


def enqueue(work: Sequence[Job]) -> list[str]:
    """`apply_async` through one `Producer.batch`, which pipelines."""
    with app.producer_pool.acquire(block=True) as producer, producer.batch():
        return [str(rerank.apply_async(job, producer=producer).id) for job in work]


def ask(job: Job) -> Rows:
    """Submit and wait."""
    return rerank.apply_async(job).get(timeout=PATIENCE_SECONDS)["results"]  # type: ignore[no-any-return]


def fetch(job_id: str) -> Rows:
    """Read a result."""
    return app.AsyncResult(job_id).get(timeout=PATIENCE_SECONDS)["results"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    command = [
        *(sys.executable, "-m", "celery", "-A", "bench.peers.celery_threads", "worker"),
        *("-P", "threads", "-c", str(IN_FLIGHT), "-l", "WARNING"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]
    main(Tool(command, enqueue, ask, fetch))
