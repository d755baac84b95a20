"""A real worker sends copies of jobs to a site that is tried out, and nobody notices."""

from pathlib import Path

import requests

from rerankq import RerankClient
from running.redis_server import RedisServer, free_port
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

JOBS = 10
SITES = """
[[sites]]
name = "main"
url = "{main}"
[[sites.accounts]]
name = "main"
keys = ["DMXAPI_API_KEY"]

[[sites]]
name = "candidate"
url = "{candidate}"
shadow = 1.0
[[sites.accounts]]
name = "main"
keys = ["DMXAPI_API_KEY"]
"""


def test_copies_go_to_the_site_and_results_come_from_the_other(tmp_path: Path) -> None:
    """Each job has its ranking by the site that serves; metrics show how the rankings agree."""
    port = free_port()
    with (
        RedisServer(tmp_path) as redis,
        RunningSandbox(keys=("sk-test",)) as main,
        RunningSandbox(keys=("sk-test",), scorer="hash") as candidate,
    ):
        (tmp_path / "sites.toml").write_text(SITES.format(main=main.url, candidate=candidate.url))
        with (
            RunningWorker(
                redis.url,
                "",
                tmp_path,
                upstream_file=tmp_path / "sites.toml",
                metrics=True,
                health_port=port,
            ),
            RerankClient(redis.url) as client,
        ):
            documents = ["a pen", "ink", "paper"]
            jobs = [
                # One after the other: at most four copies are in flight, and each job has one here.
                client.submit(query="pen", documents=documents).result(timeout=60)
                for _ in range(JOBS)
            ]
            assert all(each.results[0].index == 0 for each in jobs)
            eventually(lambda: _copies(port) == JOBS, "each job's copy was compared")
            answered = {each["job_id"] for each in candidate.log()}
            assert answered == {each.job_id for each in jobs} == {e["job_id"] for e in main.log()}


def _copies(port: int) -> int:
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
    line = 'rerankq_shadow_calls_total{model="qwen3-reranker-8b",outcome="ranked",site="candidate"}'
    return sum(
        int(float(each.rpartition(" ")[2])) for each in text.splitlines() if each.startswith(line)
    )
