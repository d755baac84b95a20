"""A Redis database that is shared with another Celery application."""

import signal
import time
from pathlib import Path

from redis import Redis

from rerankq import RerankClient
from rerankq.cli.operate.monitor import watched
from running.celery_neighbour import LONG_SECONDS, CeleryNeighbour
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker


def test_neither_notices_the_other(redis_url: str, tmp_path: Path) -> None:
    """No task of theirs runs twice, and remote control of one does not reach the other."""
    with (
        Redis.from_url(redis_url) as judge,
        RunningSandbox() as upstream,
        CeleryNeighbour(redis_url, tmp_path) as neighbour,
        watched(redis_url) as ours,
        RerankClient(redis_url) as client,
    ):
        neighbour.send("long_one")
        eventually(lambda: neighbour.runs() == 1, "their task runs")
        # As if it had run for most of their visibility timeout, which is far longer than ours.
        for tag in judge.zrange("unacked_index", 0, -1):
            judge.zadd("unacked_index", {tag: time.time() - LONG_SECONDS + 600})
        with RunningWorker(redis_url, upstream.url, tmp_path) as worker:
            job = client.submit(query="q", documents=["a", "b"], lane="bulk")
            assert len(job.result(timeout=30).results) == 2
            assert "shop" not in str(ours.control.inspect(timeout=1).ping())
            assert "1 node online" in neighbour.call("inspect", "ping")
            waiting = client.submit(query="q", documents=["a"], lane="interactive")
            assert "No messages purged" in neighbour.call("purge", "-f")
            assert judge.llen("rerankq.interactive") == 1
            neighbour.send("short_one")
            assert "1 node online" in neighbour.call("status")
            neighbour.call("control", "shutdown")
            eventually(lambda: "shutdown from remote" in neighbour.log(), "their worker ends")
            assert worker.process.poll() is None
            assert waiting.status().state == "queued"
            assert worker.terminate() == 0
        assert neighbour.runs() == 1


def test_remote_control_of_our_workers_does_not_reach_theirs(
    redis_url: str, tmp_path: Path
) -> None:
    """`shutdown` through rerankq's own application ends rerankq's workers, and nobody else's."""
    with (
        CeleryNeighbour(redis_url, tmp_path) as neighbour,
        watched(redis_url) as ours,
        RunningWorker(redis_url, "http://127.0.0.1:1/", tmp_path) as worker,
    ):
        ours.control.purge()
        ours.control.shutdown()
        eventually(lambda: worker.process.poll() is not None, "ours ended")
        assert worker.process.returncode == 0
        assert neighbour.alive


def test_what_an_older_worker_left_unacknowledged_is_announced_again(
    redis_url: str, tmp_path: Path
) -> None:
    """If a worker is killed with an unacknowledged hint, the ledger announces its job again."""
    with (
        RunningSandbox() as upstream,
        Redis.from_url(redis_url) as judge,
        RerankClient(redis_url) as client,
    ):
        job = client.submit(query="q", documents=["a", "b"], lane="interactive")
        message = judge.rpop("rerankq.interactive")
        judge.hset("unacked", "a-tag", message)
        judge.zadd("unacked_index", {"a-tag": time.time()})
        with RunningWorker(redis_url, upstream.url, tmp_path, lane="interactive") as worker:
            assert len(job.result(timeout=30).results) == 2
            worker.process.send_signal(signal.SIGTERM)
            assert worker.process.wait(60) == 0
