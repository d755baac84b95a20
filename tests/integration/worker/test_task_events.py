"""The Celery events of a real worker, as any Celery monitor hears them."""

import time
from pathlib import Path
from typing import Any

import pytest

from rerankq import RerankClient
from rerankq.cli.operate.monitor import watched
from rerankq.errors import JobCancelled, JobFailed
from running.celery_events import monitor
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

PRIVATE = ("the-very-query", "the-very-document", "the-very-metadata", "sk-test")


def submit(client: RerankClient) -> str:
    """Submit a job with private texts; returns its id."""
    return client.submit(
        query="the-very-query",
        documents=["the-very-document", "another"],
        metadata={"a": "the-very-metadata"},
        custom_id="row-1",
    ).id


def test_each_job_has_its_own_events(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A monitor hears each step of each job, in order, and nothing private; no message is shown."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path) as worker,
        monitor(redis_url) as heard,
        RerankClient(redis_url) as client,
    ):
        upstream.fault(kind="status", status=500)
        retried = submit(client)
        client.end(retried, 60)
        upstream.fault(kind="status", status=400)
        failed = submit(client)
        assert isinstance(client.end(failed, 30), JobFailed)
        upstream.fault(kind="delay", seconds=30)
        cancelled = submit(client)
        eventually(lambda: "task-started" in heard.kinds(cancelled), "its call has begun")
        client.cancel(cancelled)
        assert isinstance(client.end(cancelled, 30), JobCancelled)
        eventually(lambda: "task-revoked" in heard.kinds(cancelled), "its worker has stopped")
        upstream.fault(kind="delay", seconds=1)
        last = submit(client)
        eventually(lambda: "task-started" in heard.kinds(last), "the last call has begun")
        # What happens in the last moment before a worker's end is heard too.
        assert worker.terminate() == 0
        eventually(lambda: "task-succeeded" in heard.kinds(last), "the last end is heard")
        begun = ["task-received", "task-started"]
        assert heard.kinds(retried) == [*begun, "task-retried", *begun, "task-succeeded"]
        assert heard.kinds(failed) == [*begun, "task-failed"]
        assert heard.kinds(cancelled) == [*begun, "task-revoked"]
        assert set(heard.kinds()) == {*heard.kinds(retried), "task-failed", "task-revoked"}
        assert len({event["uuid"] for event in heard.events if "uuid" in event}) == 4
    received = heard.about(retried)[0]
    assert received["hostname"].startswith("bulk.")
    shown = "{'custom_id': 'row-1', 'model': 'qwen3-reranker-8b', 'lane': 'bulk'}"
    assert (received["name"], received["kwargs"]) == ("rerankq.rerank", shown)
    assert heard.about(failed)[-1]["exception"].startswith("upstream_refused (HTTP 400): ")
    everything = repr(heard.events)
    assert not [each for each in PRIVATE if each in everything]


def test_celery_inspects_and_revokes_jobs(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """`inspect` and heartbeats tell of jobs; `control revoke` cancels one, or says why not."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, concurrency=1),
        monitor(redis_url) as heard,
        RerankClient(redis_url) as client,
        watched(redis_url) as app,
    ):
        control: Any = app.control
        inspect = control.inspect(timeout=5)
        upstream.fault(kind="delay", seconds=60)
        running = submit(client)
        eventually(lambda: "task-started" in heard.kinds(running), "a call is in flight")
        waiting = submit(client)
        eventually(lambda: "task-received" in heard.kinds(waiting), "a job waits for its permit")
        scheduled = client.submit(query="q", documents=["d"], not_before=time.time() + 900).id
        (node,) = {event["hostname"] for event in heard.about(running)}
        (active,) = inspect.active()[node]
        assert (active["id"], active["name"]) == (running, "rerankq.rerank")
        assert "'custom_id': 'row-1'" in active["kwargs"]
        (reserved,) = inspect.reserved()[node]
        assert reserved["id"] == waiting
        asked = inspect.query_task(running, waiting, scheduled, "unknown")[node]
        assert {job: state for job, (state, _) in asked.items()} == {
            running: "active",
            waiting: "reserved",
        }
        stats = inspect.stats()[node]
        assert (stats["total"], stats["pool"]["max-concurrency"]) == ({"rerankq.rerank": 2}, 100)
        beats = (each for each in heard.events if each["type"] == "worker-heartbeat")
        eventually(lambda: next(beats, {}).get("active") == 2, "a heartbeat counts the jobs")

        def revoke(job: str) -> dict[str, str]:
            (answer,) = control.revoke(job, reply=True, timeout=5)
            said: dict[str, str] = answer[node]
            return said

        assert revoke(scheduled) == {"ok": f"job {scheduled} is cancelled; it was scheduled"}
        # In this order: the end of the call would give the other job its permit.
        for job in (waiting, running):
            assert revoke(job) == {"ok": f"job {job} is cancelled; it was running"}
        assert isinstance(client.end(running, 30), JobCancelled)
        eventually(
            lambda: "task-revoked" in heard.kinds(scheduled), "an end in the ledger is heard"
        )
        eventually(lambda: "task-revoked" in heard.kinds(running), "an end in a worker is heard")
        assert revoke(running) == {"ok": f"job {running} is cancelled"}
        done = submit(client)
        client.end(done, 30)
        assert revoke(done) == {"error": f"job {done} has already ended: succeeded"}
        assert revoke("unknown")["error"].startswith("no job has the id unknown")
        eventually(lambda: inspect.active()[node] == [], "no job is held")


@pytest.mark.parametrize(("shown", "kinds"), [("messages", 3), ("off", 0)])
def test_messages_or_nothing_can_be_shown(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path, shown: str, kinds: int
) -> None:
    """With `messages` the events are those of messages, with `off` there are none of tasks."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, task_events=shown) as worker,
        monitor(redis_url) as heard,
        RerankClient(redis_url) as client,
    ):
        job = submit(client)
        client.end(job, 30)
        assert worker.terminate() == 0
        eventually(lambda: [e for e in heard.events if e["type"] == "worker-offline"], "its end")
    assert (heard.kinds(job), len(heard.kinds())) == ([], kinds)


def test_a_namespace_hears_its_own_jobs(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """Two environments in one Redis do not hear each other's jobs."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, namespace="{prod}"),
        RunningWorker(redis_url, upstream.url, tmp_path),
        monitor(redis_url, "{prod}") as prod,
        monitor(redis_url) as plain,
        RerankClient(redis_url, namespace="{prod}") as client,
        RerankClient(redis_url) as other,
    ):
        ours, theirs = submit(client), submit(other)
        eventually(lambda: "task-succeeded" in prod.kinds(ours), "the job of {prod} is heard")
        eventually(lambda: "task-succeeded" in plain.kinds(theirs), "the other job is heard")
        assert (prod.kinds(theirs), plain.kinds(ours)) == ([], [])
