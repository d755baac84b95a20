import signal
import socket
from collections import Counter
from pathlib import Path

import pytest
from kombu import pools
from redis import Redis

from rerankq import JobHandle, RerankClient, errors
from rerankq.broker.names import MAILBOX_EXCHANGE
from rerankq.cli.operate.monitor import watched
from running.keys import KEYS
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

DOCUMENTS = ["one document", "and a second one"]


def submitted(client: RerankClient, count: int) -> list[JobHandle]:
    return list(
        client.submit_many({"query": f"q{n}", "documents": DOCUMENTS} for n in range(count))
    )


def calls_by_job(upstream: RunningSandbox) -> Counter[str]:
    return Counter(str(entry["job_id"]) for entry in upstream.log())


def in_flight(upstream: RunningSandbox, count: int) -> None:
    eventually(lambda: upstream.stats()["in_flight"] >= count, f"{count} calls are in flight")


def test_sigterm_lets_running_jobs_finish(redis_url: str, tmp_path: Path) -> None:
    """SIGTERM drains: what runs is finished, nothing is called twice, the exit code is 0."""
    with (
        # Long enough for all calls to be in flight at once, even on a busy machine.
        RunningSandbox(latency_ms=3000) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path) as worker,
        RerankClient(redis_url) as client,
    ):
        jobs = submitted(client, 30)
        in_flight(upstream, 30)
        assert worker.terminate() == 0
        assert all(job.status().state == "succeeded" for job in jobs)
        assert set(calls_by_job(upstream).values()) == {1}


def test_what_cannot_finish_in_time_is_handed_back(redis_url: str, tmp_path: Path) -> None:
    """A job that does not finish in the drain goes back at once and uses no attempt."""
    with RunningSandbox() as upstream, RerankClient(redis_url) as client:
        upstream.set_faults({"times": 1, "action": {"kind": "hang"}})
        with RunningWorker(redis_url, upstream.url, tmp_path, drain_seconds=0.5) as worker:
            job = submitted(client, 1)[0]
            in_flight(upstream, 1)
            assert worker.terminate() == 0
        assert job.status().state in {"scheduled", "queued"}
        with RunningWorker(redis_url, upstream.url, tmp_path):
            assert job.result(timeout=30).attempts == 1


def test_a_killed_workers_jobs_are_done_by_another(redis_url: str, tmp_path: Path) -> None:
    """After SIGKILL every job ends once; only jobs in flight may reach the upstream twice."""
    with (
        RunningSandbox(latency_ms=300) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=20) as doomed,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=20),
        RerankClient(redis_url) as client,
    ):
        jobs = submitted(client, 400)
        in_flight(upstream, 30)
        doomed.process.send_signal(signal.SIGKILL)
        for job in client.as_completed(jobs, timeout=60):
            assert len(job.result().results) == 2
        assert calls_by_job(upstream).total() - len(jobs) <= 20


def test_cut_connections_run_nothing_twice(redis_url: str, tmp_path: Path) -> None:
    """If Redis cuts every connection, each job still reaches the upstream exactly once."""
    with (
        RunningSandbox(latency_ms=200) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=20),
        RerankClient(redis_url) as client,
        Redis.from_url(redis_url) as judge,
    ):
        jobs = submitted(client, 200)
        in_flight(upstream, 10)
        judge.execute_command("CLIENT", "KILL", "TYPE", "normal")
        for job in client.as_completed(jobs, timeout=60):
            assert len(job.result().results) == 2
        assert set(calls_by_job(upstream).values()) == {1}


def test_killed_workers_leave_no_names(redis_url: str, tmp_path: Path) -> None:
    """A worker removes the names of killed workers at its start; live workers still answer."""
    with Redis.from_url(redis_url) as judge, watched(redis_url) as app:
        # kombu keeps connections for all apps of a process, and another test may have cut them.
        pools.reset()

        def asked() -> set[str]:
            return set(app.control.inspect(timeout=1).ping() or {})

        with RunningWorker(redis_url, "http://127.0.0.1:1/", tmp_path) as doomed:
            named = f"bulk.{doomed.process.pid}@{socket.gethostname()}"
            eventually(lambda: asked() == {named}, "it answers")
        assert any(
            named.encode() in each for each in judge.smembers(KEYS.binding(MAILBOX_EXCHANGE))
        )
        with RunningWorker(redis_url, "http://127.0.0.1:1/", tmp_path) as living:
            eventually(lambda: asked() != set(), "the next answers")
            assert not any(
                named.encode() in each for each in judge.smembers(KEYS.binding(MAILBOX_EXCHANGE))
            )
            judge.delete(KEYS.binding(MAILBOX_EXCHANGE))
            assert asked() == {f"bulk.{living.process.pid}@{socket.gethostname()}"}


def test_a_job_cancelled_during_its_call_stays_cancelled(redis_url: str, tmp_path: Path) -> None:
    """A job that is cancelled while it runs ends as cancelled, whatever its call returns."""
    with (
        RunningSandbox(latency_ms=800) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path) as worker,
        RerankClient(redis_url) as client,
    ):
        job = submitted(client, 1)[0]
        in_flight(upstream, 1)
        assert client.cancel(job.id) == "running"
        with pytest.raises(errors.JobCancelled):
            job.result(timeout=30)
        assert worker.terminate() == 0
        assert job.status().state == "cancelled"


def test_a_wrong_setting_ends_the_start(redis_url: str, tmp_path: Path) -> None:
    """A worker with a wrong setting names it and exits with 2, without a traceback."""
    worker = RunningWorker(redis_url, "not-a-url", tmp_path)
    with pytest.raises(AssertionError, match="RERANKQ_UPSTREAM_URL"), worker:
        pass
    assert worker.process.wait(30) == 2
    assert "Traceback" not in worker.log()


def test_nothing_private_is_logged(redis_url: str, tmp_path: Path) -> None:
    """The worker's log contains no key, query or document, also if jobs fail."""
    secrets = ("sk-test", "CANARY-QUERY-in-every-field", "CANARY-DOCUMENT-in-every-field")
    with (
        RunningSandbox() as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, max_attempts=1) as worker,
        RerankClient(redis_url) as client,
    ):
        # Only an endpoint that has given a ranking can refuse a job permanently.
        submitted(client, 1)[0].result(timeout=30)
        echo = {"error": {"message": f"cannot rank {secrets[1]} by {secrets[2]}"}}
        upstream.set_faults({"times": 1, "action": {"kind": "status", "status": 400, "body": echo}})
        failed = client.submit(query=secrets[1], documents=[secrets[2]])
        with pytest.raises(errors.JobFailed) as caught:
            failed.result(timeout=30)
        client.submit(query=secrets[1], documents=[secrets[2]]).result(timeout=30)
        assert worker.terminate() == 0
    for secret in secrets:
        assert secret not in worker.log()
        assert secret not in str(caught.value)


def test_a_worker_warns_of_a_redis_that_may_lose_jobs(
    own_redis: RedisServer, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """At its start a worker says which setting of Redis may cost accepted jobs, and serves."""
    with own_redis.client() as judge:
        judge.config_set("maxmemory-policy", "volatile-lru")
    with (
        RunningWorker(own_redis.url, upstream.url, tmp_path) as worker,
        RerankClient(own_redis.url) as client,
    ):
        assert submitted(client, 1)[0].result(timeout=30).results
        assert worker.log().count("set maxmemory-policy noeviction") == 1
        assert "append-only" not in worker.log()


def test_the_log_says_when_redis_is_back(
    own_redis: RedisServer, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """After an outage of Redis the last thing said of it is that it is over; all in our words."""
    with RunningWorker(own_redis.url, upstream.url, tmp_path) as worker:
        own_redis.stop()
        for said in ("no messages arrive", "cannot look for lost jobs"):
            eventually(lambda said=said: said in worker.log(), said, seconds=60)  # type: ignore[misc]
        own_redis.start()
        for said in ("Redis answers again", "connected to Redis again"):
            eventually(lambda said=said: said in worker.log(), said, seconds=60)  # type: ignore[misc]
        with RerankClient(own_redis.url) as client:
            assert submitted(client, 1)[0].result(timeout=30).results
        assert worker.terminate() == 0
        log = worker.log()
    of_messages = [line for line in log.splitlines() if "messages arrive" in line]
    assert "connected to Redis again" in of_messages[-1]
    assert not any(words in log for words in ("Cannot connect to", "/None)", "Trying again", ".."))
