"""How a worker ends: signals, drains, and a Redis that is silent meanwhile."""

import signal
import sys
from pathlib import Path

import pytest

from rerankq import RerankClient
from running.proxy import Proxy
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually, lasting
from running.worker import RunningWorker

DOCUMENTS = ["one document", "and a second one"]
NO_UPSTREAM = "http://127.0.0.1:1/"
HEARTBEAT_SECONDS = 3
"""After this time Celery waits for the answer to a heartbeat, which it sends every two seconds."""


def silence(redis: RedisServer, worker: RunningWorker) -> None:
    assert redis.process
    redis.process.send_signal(signal.SIGSTOP)
    lasting(HEARTBEAT_SECONDS, lambda: worker.process.poll() is None, "the worker lives")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_gives_jobs_back_at_once(
    redis_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    """The first signal waits for running jobs, the second gives them back now; exit code 0."""
    with (
        RunningSandbox() as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, drain_seconds=60) as worker,
        RerankClient(redis_url) as client,
    ):
        upstream.set_faults({"times": 1, "action": {"kind": "hang"}})
        job = client.submit(query="a question", documents=DOCUMENTS)
        eventually(lambda: upstream.stats()["in_flight"] == 1, "the call hangs")
        worker.process.send_signal(number)
        eventually(lambda: "1 job may finish" in worker.log(), "the drain has begun")
        worker.process.send_signal(number)
        assert worker.process.wait(20) == 0
        assert job.status().state == "scheduled"
        assert "Traceback" not in worker.log()


def test_a_worker_under_nohup_ignores_sighup(redis_url: str, tmp_path: Path) -> None:
    """A worker that was started with SIGHUP ignored ignores it too; SIGTERM drains it."""
    command = ("nohup", sys.executable, "-m", "rerankq.cli")
    with (
        RunningSandbox() as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, command=command) as worker,
        RerankClient(redis_url) as client,
    ):
        worker.process.send_signal(signal.SIGHUP)
        job = client.submit(query="a question", documents=DOCUMENTS)
        assert job.result(timeout=30).attempts == 1
        assert worker.terminate() == 0
        assert worker.restarts() == 0


@pytest.mark.parametrize("lane", ["bulk", ""], ids=["one lane", "both lanes"])
def test_sigquit_gives_jobs_back_at_once(redis_url: str, tmp_path: Path, lane: str) -> None:
    """SIGQUIT gives running jobs back without waiting for them; exit code 0."""
    with (
        RunningSandbox() as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, lane=lane, drain_seconds=60) as worker,
        RerankClient(redis_url) as client,
    ):
        upstream.set_faults({"times": 1, "action": {"kind": "hang"}})
        job = client.submit(query="a question", documents=DOCUMENTS)
        eventually(lambda: upstream.stats()["in_flight"] == 1, "the call hangs")
        worker.process.send_signal(signal.SIGQUIT)
        assert worker.process.wait(20) == 0
        # Queued if the other lane's worker, which lives a moment longer, found it due.
        assert job.status().state in {"scheduled", "queued"}
        assert "Traceback" not in worker.log()


@pytest.mark.parametrize("signals", [1, 2])
def test_an_idle_worker_ends_while_redis_is_silent(
    own_redis: RedisServer, tmp_path: Path, signals: int
) -> None:
    """An idle worker ends on SIGTERM while Redis neither answers nor refuses; exit code 0."""
    with RunningWorker(own_redis.url, NO_UPSTREAM, tmp_path) as worker:
        silence(own_redis, worker)
        for _ in range(signals):
            worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(30) == 0
        assert "Traceback" not in worker.log()


def test_a_silent_redis_does_not_lengthen_a_drain(own_redis: RedisServer, tmp_path: Path) -> None:
    """With calls in flight a drain keeps its time limit while Redis is silent; the worker ends."""
    with (
        RunningSandbox() as upstream,
        RunningWorker(own_redis.url, upstream.url, tmp_path, drain_seconds=1) as worker,
    ):
        upstream.set_faults({"times": 1, "action": {"kind": "hang"}})
        with RerankClient(own_redis.url) as client:
            client.submit(query="a question", documents=DOCUMENTS)
        eventually(lambda: upstream.stats()["in_flight"] == 1, "the call hangs")
        silence(own_redis, worker)
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: "1 job may finish" in worker.log(), "the drain has begun", seconds=5)
        assert worker.process.wait(30) == 0


def test_a_drain_replaces_dead_connections(own_redis: RedisServer, tmp_path: Path) -> None:
    """Results of a drain are written even if no existing connection answers any more."""
    with (
        RunningSandbox(latency_ms=4000) as upstream,
        Proxy(own_redis.port) as proxy,
        RunningWorker(proxy.url, upstream.url, tmp_path, drain_seconds=10) as worker,
        RerankClient(own_redis.url) as client,
    ):
        jobs = [client.submit(query=f"q{n}", documents=DOCUMENTS) for n in range(5)]
        eventually(lambda: upstream.stats()["in_flight"] == 5, "all calls are in flight")
        proxy.swallow()
        assert worker.terminate(seconds=25) == 0
        assert {job.status().state for job in jobs} == {"succeeded"}
        assert len(upstream.log()) == 5
