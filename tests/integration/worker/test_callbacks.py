"""Celery tasks of users: sent to their own application when jobs and batches end."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest
from redis import Redis

from rerankq import RerankClient
from rerankq.errors import InvalidRequest
from running.keys import KEYS
from running.outbox import make_due
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker, clean_environment

_APP: Final = """
import pathlib
from celery import Celery
app = Celery("shop", broker="{url}")
@app.task(name="shop.ended", bind=True)
def ended(self, name):
    with pathlib.Path("ended").open("a") as file:
        file.write(f"{{self.request.id}} {{name}}\\n")
"""


def test_a_users_own_application_gets_its_tasks(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A job's and a batch's task run in a plain Celery application, with the id of what ended."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "shop.py").write_text(_APP.format(url=redis_url))
    command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "-P", "solo", "-Q", "mine"]
    with (
        (folder / "log").open("wb") as log,
        RunningWorker(redis_url, upstream.url, tmp_path),
        RerankClient(redis_url) as client,
    ):
        shop = subprocess.Popen(
            command, cwd=folder, env=clean_environment(), stdout=log, stderr=log
        )
        try:
            target = {"task": "shop.ended", "queue": "mine"}
            job = client.submit(query="q", documents=["a", "b"], callbacks=[target])
            with client.batch(callbacks=[target]) as batch:
                batch.add(query="q", documents=["a"])
            expected = {f"evt_job_{job.id} {job.id}", f"evt_batch_{batch.id} {batch.id}"}
            ended = folder / "ended"
            eventually(
                lambda: ended.exists() and set(ended.read_text().splitlines()) == expected,
                "both tasks ran",
                seconds=60,
            )
            with Redis.from_url(redis_url) as redis:
                eventually(lambda: not redis.zcard(KEYS.outbox("celery")), "they are noted")
        finally:
            shop.kill()
            shop.wait(30)


def test_a_broker_that_is_away_gets_its_tasks_later(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """While the user's broker cannot be reached, jobs end as ever, and the task waits."""
    away = "redis://:secret@127.0.0.1:1/0"
    redis = Redis.from_url(redis_url)
    # As if a worker of an older version served too.
    redis.zadd(KEYS.last_heard, {"bulk.old": (time.time() + 600) * 1000})
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, callback_broker_url=away) as worker,
        RerankClient(redis_url) as client,
    ):
        job = client.submit(query="q", documents=["a"], callbacks=[{"task": "shop.ended"}])
        job.result(timeout=30)
        eventually(lambda: "callback task shop.ended" in worker.log(), "a try is told")
        assert redis.zcard(KEYS.outbox("celery")) == 1
        assert "secret" not in worker.log()
        eventually(lambda: "bulk.old is of an older version" in worker.log(), "it is told")
    with RunningWorker(redis_url, upstream.url, tmp_path):
        make_due(redis)
        eventually(lambda: redis.llen("celery") == 1, "it is sent to Celery's default queue")
    redis.close()


def test_a_tenant_sends_no_tasks(redis_url: str) -> None:
    """Tasks belong to the operator's applications: a tenant's job or batch names none."""
    with RerankClient(redis_url) as client:
        acme = client.for_tenant("acme")
        with pytest.raises(InvalidRequest, match="callbacks"):
            acme.submit(query="q", documents=["a"], callbacks=[{"task": "shop.ended"}])
        with pytest.raises(InvalidRequest, match="callbacks"):
            acme.open_batch(callbacks=[{"task": "shop.ended"}])
