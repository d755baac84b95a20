import base64
import json
import time
import uuid
import zlib
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from rerankq import RerankClient, errors
from rerankq.contract import TASK_NAME
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

HINT = {"version": "1.0", "lane": "bulk", "job_ids": ["some-job"]}


def envelope(
    body: Any = None,
    *,
    headers: dict[str, Any] | None = None,
    content_type: str = "application/json",
) -> bytes:
    message: dict[str, Any] = {
        "body": json.dumps([[], HINT, {}] if body is None else body),
        "content-encoding": "utf-8",
        "content-type": content_type,
        "headers": {"task": TASK_NAME, "id": str(uuid.uuid4()), "lang": "py"} | (headers or {}),
        "properties": {
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": "rerankq.bulk"},
            "body_encoding": "utf-8",
        },
    }
    return json.dumps(message).encode()


POISON = {
    "not_json": b"\xff\xfe no JSON",
    "no_envelope": json.dumps({"body": "x", "properties": {}}).encode(),
    "no_hint": envelope([[], {"version": "1.0", "lane": "bulk", "job_ids": 7}, {}]),
    "unsupported_version": envelope([[], HINT | {"version": "2.0"}, {}]),
    "unknown_task": envelope(headers={"task": "os.system"}),
    "compressed": envelope(
        body=base64.b64encode(zlib.compress(b"0" * 1_000_000)).decode(),
        headers={"compression": "application/x-gzip"},
    ),
    "not_json_content": envelope(content_type="application/x-python-serialize"),
    # orjson reads it, but kombu's parser would raise a RecursionError.
    "no_envelope, deep": envelope(headers={"unknown": "deep"}).replace(
        b'"deep"', b"[" * 1000 + b"]" * 1000
    ),
}


@pytest.mark.parametrize("fault", POISON)
def test_poison_is_put_aside_and_counted(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path, fault: str
) -> None:
    """A message that is no hint is kept and counted by its fault; the worker serves on."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path) as worker,
        RerankClient(redis_url) as client,
        Redis.from_url(redis_url) as judge,
    ):
        judge.lpush("rerankq.bulk", POISON[fault])
        fault = fault.partition(",")[0]
        eventually(lambda: judge.hget("rerankq:poison:counts", fault) == b"1", "it is counted")
        client.submit(query="a question", documents=["an answer"]).result(timeout=30)
        assert worker.process.poll() is None
        kept = [json.loads(each) for each in judge.lrange("rerankq:poison", 0, -1)]
        assert [each["fault"] for each in kept] == [fault]
        assert worker.terminate() == 0
        assert "Traceback" not in worker.log()


def test_a_celery_caller_is_referred_to_the_client(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A user who sends the task by Celery gets a failure that names `RerankClient.submit`."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path),
        Celery(broker=redis_url, backend=redis_url, set_as_current=False) as app,
        RerankClient(redis_url) as client,
        Redis.from_url(redis_url) as judge,
    ):
        asked: dict[str, Any] = {"query": "q", "documents": ["a"]}
        for sent in (
            app.send_task(TASK_NAME, kwargs=asked, queue="rerankq.bulk"),
            app.send_task(TASK_NAME, args=["q", ["a"]], queue="rerankq.bulk"),
            app.send_task(TASK_NAME, kwargs=asked, queue="rerankq.bulk", countdown=60),
        ):
            with pytest.raises(errors.JobFailed, match=r"Submit with rerankq.RerankClient"):
                sent.get(timeout=30)
            assert 0 < judge.ttl(f"celery-task-meta-{sent.id}") <= 24 * 3600
        # With the id of a job such a message does not affect the job.
        job = client.submit(query="q", documents=["a"], not_before=time.time() + 3600)
        app.send_task(TASK_NAME, kwargs=asked, queue="rerankq.bulk", task_id=job.id)
        eventually(lambda: judge.llen("rerankq:poison") == 4, "it is put aside")
        assert not judge.exists(f"celery-task-meta-{job.id}")


def test_a_flood_of_poison_stays_bounded(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """Only the newest thousand poisoned messages are kept."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path),
        Redis.from_url(redis_url) as judge,
    ):
        judge.lpush("rerankq.bulk", *([b"poison"] * 1200))
        eventually(
            lambda: judge.hget("rerankq:poison:counts", "not_json") == b"1200", "all are counted"
        )
        assert judge.llen("rerankq:poison") == 1000
