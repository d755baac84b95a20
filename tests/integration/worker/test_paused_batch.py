"""Whole batches with a real worker."""

from pathlib import Path
from typing import Any

from rerankq import RerankClient
from rerankq.contract import BatchState, JobState
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

DRAFT: dict[str, Any] = {
    "query": "prevent a cold",
    "documents": ["Wash your hands.", "Buy shares."],
}
JOBS = 120


def test_no_job_of_a_paused_batch_is_called(redis_url: str, tmp_path: Path) -> None:
    """While it is paused the upstream sees none of its jobs; resumed, each is ranked once."""
    with (
        RunningSandbox(keys=("sk-test",)) as upstream,
        RerankClient(redis_url) as client,
        RunningWorker(redis_url, upstream.url, tmp_path),
    ):
        batch = client.open_batch(expected=JOBS)
        assert batch.pause()
        for _ in batch.add_many([DRAFT] * JOBS):
            pass
        eventually(lambda: batch.status().held == JOBS, "all hints were read")
        # A job beside it is served: the workers have no work left to do for the batch.
        assert client.submit(**DRAFT).result(timeout=30).results
        assert upstream.stats()["requests"] == 1
        assert batch.status().state is BatchState.PAUSED
        assert batch.resume() == JOBS
        batch.seal()
        assert all(each.state is JobState.SUCCEEDED for each in batch.results(timeout=60))
        assert upstream.stats()["requests"] == 1 + JOBS
        ended = batch.status()
        assert (ended.state, ended.succeeded) == (BatchState.COMPLETED, JOBS)
        assert ended.tokens > 0
        assert ended.ended_at is not None


def test_a_cancelled_batch_costs_no_more_calls(redis_url: str, tmp_path: Path) -> None:
    """No call begins after a cancellation, and all that had not ended is cancelled."""
    with (
        RunningSandbox(keys=("sk-test",), latency_ms=50) as upstream,
        RerankClient(redis_url) as client,
        RunningWorker(redis_url, upstream.url, tmp_path, concurrency=4),
    ):
        batch = client.open_batch()
        for _ in batch.add_many([DRAFT] * JOBS):
            pass
        eventually(lambda: batch.status().succeeded > 0, "the first have ended")
        batch.cancel()
        eventually(lambda: batch.status().state.ended, "all have ended")
        ended = batch.status()
        assert ended.state is BatchState.CANCELLED
        assert ended.succeeded + ended.cancelled == ended.total == JOBS
        assert upstream.stats()["requests"] < JOBS
