"""Damage in the ledger affects only the damaged job, and no other job of its lane."""

import time
from pathlib import Path

import pytest
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import Lane
from rerankq.errors import JobFailed
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker


def test_a_job_whose_record_is_gone_stops_no_lane(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A scheduled job without a record, and an unknown id among the leases, block no lane."""
    with Redis.from_url(redis_url) as judge, RerankClient(redis_url) as client:
        lost = client.submit(query="q", documents=["d"], not_before=time.time() + 600, lane="bulk")
        judge.delete(f"rerankq:job:{lost.id}")
        judge.zadd("rerankq:bulk:scheduled", {lost.id: 1})
        judge.zadd("rerankq:bulk:running", {"ghost": 1})
        with RunningWorker(redis_url, upstream.url, tmp_path):
            eventually(lambda: not judge.zcard("rerankq:bulk:scheduled"), "it has left the lane")
            eventually(lambda: not judge.zcard("rerankq:bulk:running"), "so has the unknown id")
            job = client.submit(query="q", documents=["d"], lane="bulk")
            assert job.result(timeout=30).results


def test_only_the_job_with_a_wrong_payload_fails(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """If a payload's key holds something else, that job fails, and no other job of its hint."""
    with (
        Redis.from_url(redis_url) as judge,
        RerankClient(redis_url) as client,
        RunningWorker(redis_url, upstream.url, tmp_path) as worker,
    ):
        # Submitted together, so that one hint names them, and before the worker starts.
        drafts = [
            {"query": "q", "documents": ["d"], "not_before": time.time() + 600} for _ in range(3)
        ]
        first, damaged, last = client.submit_many(drafts)
        judge.delete(f"rerankq:payload:{damaged.id}")
        judge.rpush(f"rerankq:payload:{damaged.id}", "no job")
        with judge.pipeline() as pipeline:
            for each in (damaged, first, last):
                pipeline.zadd(f"rerankq:{Lane.BULK}:scheduled", {each.id: 1})
            pipeline.execute()
        assert first.result(timeout=30).results
        assert last.result(timeout=30).results
        with pytest.raises(JobFailed, match="cannot be read"):
            damaged.result(timeout=30)
        assert worker.process.poll() is None
