"""A Celery app that calls the upstream, one job a task; 429s are retried with backoff and jitter.

PEER_RATE_LIMIT is Celery's `rate_limit` of each worker, such as `1500/m`; none when empty.
"""

import os
from typing import Any, Final

import httpx
from celery import Celery, Task

TIMEOUT_SECONDS: Final = 60.0
MOST_BACKOFF_SECONDS: Final = 60

app = Celery("peers", broker=os.environ.get("PEER_REDIS_URL", "redis://"))
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=4)
UPSTREAM_URL: Final = os.environ.get("PEER_UPSTREAM_URL", "http://127.0.0.1")
http = httpx.Client(
    headers={"Authorization": "sk-test"},
    timeout=TIMEOUT_SECONDS,
    limits=httpx.Limits(max_connections=100),
)


class Throttled(Exception):
    """The upstream answered 429 or failed."""


@app.task(
    bind=True,
    autoretry_for=(Throttled, httpx.TransportError),
    retry_backoff=True,
    retry_backoff_max=MOST_BACKOFF_SECONDS,
    retry_jitter=True,
    max_retries=None,
    rate_limit=os.environ.get("PEER_RATE_LIMIT") or None,
)
def call(self: Task[Any, Any], body: dict[str, Any]) -> None:
    """Post a job."""
    del self
    answer = http.post(UPSTREAM_URL, json=body)
    if answer.is_error:
        raise Throttled
