"""An operator of one namespace does not see the workers of another."""

from pathlib import Path

import pytest
import requests

from running.command_line import CommandLine
from running.flower import USER, flower
from running.worker import RunningWorker

NAMESPACE = "staging"


def test_commands_and_flower_see_their_own_fleet(
    rerankq: CommandLine, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command finds no job of another namespace, and Flower shows only its own workers."""
    job_id = rerankq.submitted("-q", "q", "-d", "d")
    monkeypatch.setenv("RERANKQ_NAMESPACE", NAMESPACE)
    assert rerankq("status", job_id).stderr.startswith("rerankq: no job has the id")
    assert rerankq.submitted("-q", "q", "-d", "d", "--job-id", job_id) == job_id
    log = tmp_path / "flower.log"
    with (
        RunningWorker(redis_url, "http://127.0.0.1:1/", tmp_path, namespace="{prod}"),
        flower(redis_url, log, RERANKQ_FLOWER_AUTH=":".join(USER), RERANKQ_NAMESPACE=NAMESPACE) as (
            address,
            _,
        ),
    ):
        page = requests.get(f"{address}/workers?json=1&refresh=1", auth=USER, timeout=30)
        assert page.json() == {"data": []}
        lengths = requests.get(f"{address}/api/queues/length", auth=USER, timeout=30).json()
        assert {"name": "rerankq.interactive", "messages": 1} in lengths["active_queues"]
