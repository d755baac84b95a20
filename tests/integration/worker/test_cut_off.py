"""One worker of several that cannot reach the upstream: its node has lost its way out."""

from pathlib import Path
from urllib.parse import urlsplit

import requests

from rerankq import RerankClient
from running.ledger_desk import LedgerDesk
from running.redis_server import free_port
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

JOBS = 400


def test_a_worker_that_is_cut_off_leaves_its_jobs_to_others(redis_url: str, tmp_path: Path) -> None:
    """It stops, says so everywhere, and costs no job an attempt; the account stays open."""
    nowhere = {"http_proxy": f"http://127.0.0.1:{free_port()}", "no_proxy": ""}
    health = free_port()
    with (
        RunningSandbox(keys=("sk-test",), latency_ms=50) as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, max_in_flight=10) as well,
        RunningWorker(
            redis_url, upstream.url, tmp_path, environment=nowhere, health_port=health
        ) as ill,
        RerankClient(redis_url) as client,
        LedgerDesk(redis_url) as desk,
    ):
        jobs = ({"query": f"q{n}", "documents": ["a", "b"]} for n in range(JOBS))
        handles = list(client.submit_many(jobs))
        assert {each.result(timeout=60).attempts for each in handles} == {1}
        eventually(lambda: "alone gets no rankings" in ill.log(), "it says so", seconds=20)

        def ready() -> requests.Response:
            return requests.get(f"http://127.0.0.1:{health}/ready", timeout=10)

        assert ready().status_code == 503
        assert "alone gets no rankings" in ready().json()["upstream"]
        account = desk.look(urlsplit(upstream.url).netloc)
        assert (account.mode, list(account.cut_off.values())) == ("open", ["proxy"])
        assert "is broken now" not in well.log()
