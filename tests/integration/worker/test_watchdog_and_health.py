import signal
import socket
import sys
from pathlib import Path

import pytest
import requests

from rerankq import RerankClient
from rerankq_worker.process.watchdog import IDLE_SECONDS
from running.redis_server import RedisServer, free_port
from running.sandbox import RunningSandbox
from running.waiting import eventually, lasting
from running.worker import RunningWorker

DOCUMENTS = ["one document", "and a second one"]

LOOP_SECONDS = 4
FRESH_SECONDS = 4
IMPATIENT = f"""
import sys
from rerankq.cli.main import run
from rerankq_worker.process import health
from rerankq_worker.process import watchdog
watchdog.LOOP_SECONDS, health.FRESH_SECONDS = {LOOP_SECONDS}, {FRESH_SECONDS}
sys.exit(run(sys.argv[1:]))
"""
"""Runs `rerankq` with shorter time limits of watchdog and health."""


def status(port: int, path: str) -> int:
    try:
        return requests.get(f"http://127.0.0.1:{port}/{path}", timeout=5).status_code
    except requests.ConnectionError:
        return 0


def test_a_drain_is_not_taken_for_a_hanging_consumer(redis_url: str, tmp_path: Path) -> None:
    """The watchdog does not interfere with a long drain while messages wait."""
    with (
        RunningSandbox() as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, drain_seconds=60) as worker,
        RerankClient(redis_url) as client,
    ):
        upstream.set_faults({"times": 1, "action": {"kind": "delay", "seconds": IDLE_SECONDS + 6}})
        slow = client.submit(query="a question", documents=DOCUMENTS)
        eventually(lambda: upstream.stats()["in_flight"] == 1, "the call is under way")
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: "1 job may finish" in worker.log(), "the drain has begun")
        waiting = [client.submit(query="a question", documents=DOCUMENTS) for _ in range(3)]
        assert worker.process.wait(60) == 0
        assert slow.status().state == "succeeded"
        assert {job.status().state for job in waiting} == {"queued"}


def test_a_drain_outlasts_the_watchdog(redis_url: str, tmp_path: Path) -> None:
    """During a long drain the worker is alive but not ready, and finishes running jobs."""
    port = free_port()
    with (
        RunningSandbox() as upstream,
        RunningWorker(
            redis_url,
            upstream.url,
            tmp_path,
            command=(sys.executable, "-c", IMPATIENT),
            drain_seconds=60,
            health_port=port,
        ) as worker,
        RerankClient(redis_url) as client,
    ):
        upstream.set_faults({"times": 1, "action": {"kind": "delay", "seconds": 14}})
        job = client.submit(query="a question", documents=DOCUMENTS)
        eventually(lambda: upstream.stats()["in_flight"] == 1, "the call is under way")
        eventually(lambda: status(port, "ready") == 200, "it is ready")
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: status(port, "ready") == 503, "it is no longer ready", seconds=2)
        lasting(
            LOOP_SECONDS + FRESH_SECONDS + 2,
            lambda: (status(port, "live"), status(port, "ready")) == (200, 503),
            "it is alive, and not ready",
        )
        assert worker.process.wait(60) == 0
        assert job.status().state == "succeeded"
        assert len(upstream.log()) == 1


def test_a_taken_health_port_is_named(redis_url: str, tmp_path: Path) -> None:
    """A worker whose health port is taken says so in one line, and exits with 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        worker = RunningWorker(redis_url, "http://127.0.0.1:1/", tmp_path, health_port=port)
        with pytest.raises(AssertionError, match="RERANKQ_HEALTH_PORT"), worker:
            pass
        assert worker.process.wait(30) == 2
        assert "Traceback" not in worker.log()


def test_a_drain_ends_without_redis(own_redis: RedisServer, tmp_path: Path) -> None:
    """Without Redis a worker still ends on SIGTERM by itself."""
    with (
        RunningSandbox() as upstream,
        RunningWorker(own_redis.url, upstream.url, tmp_path, drain_seconds=0.2) as worker,
    ):
        upstream.set_faults({"times": 1, "action": {"kind": "hang"}})
        with RerankClient(own_redis.url) as client:
            client.submit(query="a question", documents=DOCUMENTS)
        eventually(lambda: upstream.stats()["in_flight"] == 1, "the call hangs")
        own_redis.stop(signal.SIGKILL)
        eventually(lambda: "no messages arrive" in worker.log(), "Celery has noticed")
        assert worker.terminate(seconds=40) == 0


def test_health_distinguishes_ready_and_alive(own_redis: RedisServer, tmp_path: Path) -> None:
    """A worker answers on /live and /ready; without Redis it is alive, and not ready."""
    port = free_port()
    with (
        RunningSandbox() as upstream,
        RunningWorker(own_redis.url, upstream.url, tmp_path, health_port=port),
    ):
        eventually(lambda: status(port, "ready") == 200, "it is ready")
        assert status(port, "live") == 200
        own_redis.stop(signal.SIGKILL)
        eventually(lambda: status(port, "ready") == 503, "it is not ready")
        assert status(port, "live") == 200
        own_redis.start()
        eventually(lambda: status(port, "ready") == 200, "it is ready again", seconds=60)
