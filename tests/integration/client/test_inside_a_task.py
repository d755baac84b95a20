"""Waiting for a ranking inside a task of another Celery application."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from running.stand_in_worker import StandInWorker
from running.worker import clean_environment

TASKS = """
import os

from celery import Celery
from celery.result import AsyncResult

from rerankq import RerankClient

url = os.environ["RERANKQ_REDIS_URL"]
app = Celery("shop", broker=url.replace("/0", "/1"), backend=url.replace("/0", "/1"))
rankings = Celery("reader", backend=url, set_as_current=False)
client = RerankClient()


@app.task
def by_rerankq():
    job = client.submit(query="q", documents=["a", "b"], lane="interactive")
    return len(job.result(timeout=30).results)


@app.task
def by_celery(**how):
    job = client.submit(query="q", documents=["a", "b"], lane="interactive")
    return len(AsyncResult(job.id, app=rankings).get(timeout=30, **how)["results"])
"""


@pytest.fixture
def shop(redis_url: str, tmp_path: Path) -> Iterator[Celery]:
    """The application, with a worker that forks its processes."""
    (tmp_path / "tasks.py").write_text(TASKS)
    with (tmp_path / "shop.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", "1"],
            env=clean_environment() | {"RERANKQ_REDIS_URL": redis_url},
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    url = redis_url.replace("/0", "/1")
    try:
        with Celery("shop", broker=url, backend=url, set_as_current=False) as app:
            yield app
    finally:
        process.terminate()
        process.wait(30)


def test_a_task_can_wait_for_a_ranking(redis_url: str, shop: Celery) -> None:
    """`result()` waits in a forked task; Celery's `get()` refuses unless it is told to wait."""
    with StandInWorker(redis_url):
        assert shop.send_task("tasks.by_rerankq").get(timeout=60) == 2
        with pytest.raises(RuntimeError, match=r"Never call result.get\(\) within a task"):
            shop.send_task("tasks.by_celery").get(timeout=60)
        told = shop.send_task("tasks.by_celery", kwargs={"disable_sync_subtasks": False})
        assert told.get(timeout=60) == 2
