from pathlib import Path
from typing import Any

from celery import Celery
from redis import Redis

from rerankq import RerankClient
from rerankq.cli.operate.monitor import watched
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker, waiting_messages

DOCUMENTS = ["股市今天大涨", "预防感冒应勤洗手、戴口罩", "感冒时多喝水", "天气预报说明天下雨"]


def test_a_job_comes_back_ranked(redis_url: str, upstream: RunningSandbox, tmp_path: Path) -> None:
    """A job's ranking is sorted, holds top_n rows, and refers to the documents submitted.

    A document that is there twice is sent once, and has both its rows.
    """
    documents = [*DOCUMENTS, DOCUMENTS[1]]
    with RunningWorker(redis_url, upstream.url, tmp_path), RerankClient(redis_url) as client:
        job = client.submit(
            query="如何预防感冒", documents=documents, top_n=3, metadata={"team": "search"}
        )
        result = job.result(timeout=30)
        assert job.status().state == "succeeded"
    scores = [row.relevance_score for row in result.results]
    assert scores == sorted(scores, reverse=True)
    assert upstream.log()[-1]["documents"] == len(DOCUMENTS)
    assert [row.index for row in result.results][:2] == [1, 4]
    assert len(result.results) == 3
    for row in result.results:
        assert row.document
        assert row.document.text == documents[row.index]
    assert result.metadata == {"team": "search"}
    assert result.attempts == 1
    assert result.usage.estimated_tokens > 0


def test_celerys_own_result_api_reads_a_job(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A Celery user without rerankq gets the result by `AsyncResult(job_id)`."""
    with RunningWorker(redis_url, upstream.url, tmp_path), RerankClient(redis_url) as client:
        job = client.submit(query="如何预防感冒", documents=DOCUMENTS)
        stranger = Celery(broker=redis_url, backend=redis_url, set_as_current=False)
        found = stranger.AsyncResult(job.id).get(timeout=30)
        assert [row["index"] for row in found["results"]] == [
            row.index for row in job.result(timeout=1).results
        ]


def test_jobs_that_end_at_once_do_not_stay_active_in_celery(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """After 400 jobs were cancelled at once, Celery lists none as active."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, lane="interactive") as worker,
        RerankClient(redis_url) as client,
        watched(redis_url) as app,
        Redis.from_url(redis_url) as judge,
    ):
        for number in range(400):
            client.cancel(client.submit(query=f"q{number}", documents=["a"], lane="interactive").id)
        eventually(lambda: judge.llen("rerankq.interactive") == 0, "all messages are taken")
        eventually(lambda: judge.hlen("rerankq.unacked") == 0, "and acknowledged")

        def active() -> list[Any]:
            return list((app.control.inspect(timeout=2).active() or {}).values())

        eventually(lambda: active() == [[]], "none is active")
        assert worker.terminate() == 0


def test_one_command_serves_both_lanes(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """`rerankq worker` serves both lanes, and ends both at SIGTERM with exit code 0."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, lane="") as worker,
        RerankClient(redis_url) as client,
    ):
        for lane in ("bulk", "interactive"):
            job = client.submit(query="感冒", documents=DOCUMENTS, lane=lane)
            assert len(job.result(timeout=30).results) == 4
        assert worker.terminate() == 0


def test_bulk_does_not_starve_interactive(redis_url: str, tmp_path: Path) -> None:
    """An interactive job is served while the bulk lane has far more than it can take."""
    with (
        RunningSandbox(latency_ms=200) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, lane="", max_in_flight=5),
        RerankClient(redis_url) as client,
    ):
        bulk = list(
            client.submit_many({"query": f"q{n}", "documents": DOCUMENTS} for n in range(1000))
        )
        client.submit(query="感冒", documents=DOCUMENTS, lane="interactive").result(timeout=30)
        assert waiting_messages(redis_url, "bulk") > 0
        assert bulk[-1].status().state == "queued"
