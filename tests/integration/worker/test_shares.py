"""Fair shares with a real worker."""

from pathlib import Path

from rerankq import RerankClient
from rerankq.contract import JobState
from running.sandbox import RunningSandbox
from running.worker import RunningWorker

DRAFT = {"query": "prevent a cold", "documents": ["Wash your hands.", "Buy shares."]}


def test_ten_jobs_do_not_wait_for_hundreds_of_another(redis_url: str, tmp_path: Path) -> None:
    """Ten jobs behind 500 of another tenant are ranked while most of these are still queued."""
    with (
        RunningSandbox(keys=("sk-test",), latency_ms=40) as upstream,
        RerankClient(redis_url) as client,
    ):
        crowd, few = client.for_tenant("crowd"), client.for_tenant("few")
        many = list(crowd.submit_many([DRAFT] * 500))
        ten = list(few.submit_many([DRAFT] * 10))
        with RunningWorker(redis_url, upstream.url, tmp_path, concurrency=5):
            for handle in ten:
                assert len(handle.result(timeout=60).results) == 2
            left = client.tenants.use("crowd").queued
            assert left > 250
            for handle in many[:50]:
                handle.cancel()
            for handle in many[50:]:
                assert len(handle.result(timeout=60).results) == 2
        assert client.tenants.use("crowd").queued == client.tenants.use("few").running == 0
        states = {many[at].status().state for at in range(50)}
        assert states <= {JobState.CANCELLED, JobState.SUCCEEDED}
