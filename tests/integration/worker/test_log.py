"""What an operator reads in a worker's log, from its start to its end."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from rerankq import RerankClient, errors
from running.full_pipe import full_pipe
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker, clean_environment

SECRET = "sk-canary-0123456789-abcdefghij"  # noqa: S105  made up here
QUERY = "a question of the canary"


@pytest.fixture
def upstream() -> Iterator[RunningSandbox]:
    """An endpoint that requires the canary as key."""
    with RunningSandbox(keys=(SECRET,)) as sandbox:
        yield sandbox


def fail_all(client: RerankClient, number: int) -> None:
    """Submit jobs and wait until all have failed."""
    drafts = ({"query": f"{QUERY} {n}", "documents": ["yes", "no"]} for n in range(number))
    handles = list(client.submit_many(drafts))
    failed = 0
    for handle in client.as_completed(handles, timeout=60):
        try:
            handle.result()
        except errors.JobFailed:
            failed += 1
    assert failed == number


def test_the_log_says_what_matters_and_no_more(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """How it is set, one line for a burst of failures, what it did; no key, no query, no banner."""
    with (
        RunningWorker(
            redis_url, upstream.url, tmp_path, lane="", api_key=SECRET, rpm=60_000
        ) as worker,
        RerankClient(redis_url) as client,
    ):
        # Only an endpoint that has given a ranking ends jobs by what it refuses.
        client.submit(query=QUERY, documents=["yes", "no"]).result(timeout=30)
        upstream.set_faults({"action": {"kind": "status", "status": 400}})
        fail_all(client, 200)
        assert worker.terminate() == 0
        log = worker.log()
    lines = log.splitlines()
    assert "rerankq 0" in lines[0]
    assert "worker of lanes" in lines[0]
    assert f"{upstream.url}, dialect dmxapi; 1 key: sk-…ghij (" in lines[1]
    assert "limits: 60,000 requests a minute (" in lines[1]
    failures = [line for line in lines if "upstream_refused (status 400" in line]
    assert len(failures) == 2
    assert " … and 199 more like it in " in failures[1]
    assert "failed 200 (upstream_refused 200)" in log
    assert SECRET not in log
    assert QUERY not in log
    # Celery's own lines, which would repeat this, or say something wrong.
    assert not any(word in log for word in ("celery@", "[tasks]", "concurrency:", "superuser"))
    assert all(line.startswith("20") for line in lines if line)


def test_only_the_dead_letter_shows_the_upstreams_words(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """Texts in an answer reach no log, no event, no status, no result: only the dead letter."""
    documents = ["DOC-CANARY of Alice\n一份文件", "no"]
    echo = json.dumps(documents) + " ".join(documents)
    body = {"error": {"message": echo, "code": documents[0], "type": echo}, "request_id": echo}
    headers = {"X-Request-Id": "DOC-CANARY"}
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, api_key=SECRET) as worker,
        Redis.from_url(redis_url) as judge,
        RerankClient(redis_url) as client,
        judge.pubsub() as heard,
    ):
        client.submit(query=QUERY, documents=["yes"]).result(timeout=30)
        # Flower shows only Celery's events and results.
        heard.psubscribe("*")
        told = []
        for status in (400, 404, 422, 500):
            action = {"kind": "status", "status": status, "body": body, "headers": headers}
            upstream.set_faults({"times": 1, "action": action})
            handle = client.submit(query=QUERY, documents=documents, return_documents=False)
            try:
                handle.result(timeout=30)
            except errors.JobFailed as failed:
                told.append(str(failed))
                assert b"CANARY" in (judge.get(f"rerankq:said:{handle.id}") or b"")
            told += [repr(handle.status()), repr(judge.get(f"celery-task-meta-{handle.id}"))]
            told.append(repr(judge.get(f"rerankq:job:{handle.id}")))
        told += [repr(message) for message in iter(heard.get_message, None)]
        assert worker.terminate() == 0
        told.append(worker.log())
    assert "upstream_refused (status 400" in told[-1]
    assert not any(each in text for text in told for each in ("CANARY", "Alice", "一份", "\\u4e00"))


def test_the_log_can_be_json_and_shorter(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """RERANKQ_LOG_FORMAT=json makes each line an object; RERANKQ_LOG_LEVEL leaves lines out."""
    with RunningWorker(
        redis_url, upstream.url, tmp_path, log_format="json", api_key=SECRET
    ) as worker:
        assert worker.terminate() == 0
        lines = [json.loads(line) for line in worker.log().splitlines() if line]
    assert {line["lane"] for line in lines} == {"bulk"}
    assert {line["service"] for line in lines} == {"worker"}
    assert lines[1]["figures"]["dialect"] == "dmxapi"
    environment = clean_environment() | {
        "RERANKQ_REDIS_URL": redis_url,
        "RERANKQ_UPSTREAM_URL": upstream.url,
        "DMXAPI_API_KEY": SECRET,
    }
    command = [sys.executable, "-m", "rerankq.cli", "worker", "--lane", "bulk"]
    with (tmp_path / "quiet.log").open("wb") as log:
        quiet = subprocess.Popen(
            [*command, "--log-level", "error"], env=environment, stdout=log, stderr=log
        )
    try:
        with RerankClient(redis_url) as client:
            client.submit(query="q", documents=["d"]).result(timeout=60)
        quiet.terminate()
        assert quiet.wait(60) == 0
    finally:
        quiet.kill()
        quiet.wait(30)
    assert (tmp_path / "quiet.log").read_text() == ""


def test_a_log_that_nobody_reads_stops_no_worker(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A worker whose stderr is a full pipe serves on, and ends in time."""
    environment = clean_environment() | {
        "RERANKQ_REDIS_URL": redis_url,
        "RERANKQ_UPSTREAM_URL": upstream.url,
        "DMXAPI_API_KEY": SECRET,
    }
    with full_pipe() as writer:
        process = subprocess.Popen(
            [sys.executable, "-m", "rerankq.cli", "worker", "--lane", "bulk"],
            env=environment,
            cwd=tmp_path,
            stdout=writer,
            stderr=writer,
        )
        try:
            with RerankClient(redis_url) as client, Redis.from_url(redis_url) as judge:
                client.submit(query="q", documents=["d"]).result(timeout=60)
                judge.lpush("rerankq.bulk", *[b"poison"] * 100)
                eventually(
                    lambda: judge.hget("rerankq:poison:counts", "not_json") == b"100",
                    "all are read",
                )
                client.submit(query="q", documents=["d"]).result(timeout=30)
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait(30)
