"""A real worker on an account with few requests a minute: jobs of one query share calls."""

from pathlib import Path

from rerankq import RerankClient
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.worker import RunningWorker

JOBS = 60


def test_jobs_share_calls_and_have_their_own_rankings(tmp_path: Path) -> None:
    """At 30 requests a minute they would take two minutes; each has the score of its documents."""
    drafts = [
        {"query": "a pen", "documents": [f"pen {number}", "ink"], "top_n": 1}
        for number in range(JOBS)
    ]
    with (
        RedisServer(tmp_path) as redis,
        RunningSandbox(keys=("sk-test",)) as upstream,
        RunningWorker(redis.url, upstream.url, tmp_path, rpm=30, shared_calls=True),
        RerankClient(redis.url) as client,
    ):
        jobs = list(client.submit_many(drafts))
        for number, job in enumerate(jobs):
            (row,) = job.result(timeout=60).results
            assert row.document
            assert row.document.text == f"pen {number}"
        assert len(upstream.log()) < JOBS / 5
