"""`rerankq up`, with real parts."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
import requests

from running.command import rerankq
from running.processes import children, running_among
from running.prometheus import program
from running.up import RunningUp
from running.waiting import eventually

JOB = {"query": "cats", "documents": ["a cat", "a dog"]}


def test_jobs_outlive_it(tmp_path: Path) -> None:
    """A job that has not ended when it is stopped ends after the next start, at the same Redis."""
    data = tmp_path / "data"
    with RunningUp(data) as first:
        answer = requests.post(f"{first.url}/v1/rerank", json=JOB, timeout=30)
        assert [each["index"] for each in answer.json()["results"]] == [0, 1]
        later = JOB | {"not_before": time.time() + 20}
        job = requests.post(f"{first.url}/v1/jobs", json=later, timeout=30).json()["id"]
        redis = first.redis_url
        for name in ("worker", "flower", "gateway"):
            assert re.search(rf"^{name} +\| ", first.log(), re.MULTILINE), first.log()
        again = rerankq("up", "--data", str(data))
        assert again.returncode == 2
        assert f"already runs on {data} (process {first.process.pid})" in again.stderr
        assert first.stop() == 0
        assert "Traceback" not in first.log()
    with RunningUp(data) as second:
        assert second.redis_url == redis
        done = rerankq("result", job, "--timeout", "60", RERANKQ_REDIS_URL=redis)
        assert done.returncode == 0, done.stderr


def test_other_machines_need_the_token_that_it_makes(tmp_path: Path) -> None:
    """Open to the network it makes a token, shows it, and lets nobody call without it."""
    with RunningUp(tmp_path / "data", "--host", "0.0.0.0") as it:  # noqa: S104
        token = re.search(r"it needs a token: (\S+) \(kept in (\S+)\)", it.log())
        assert token
        assert token[1] in Path(token[2]).read_text("utf-8")
        assert requests.post(f"{it.url}/v1/rerank", json=JOB, timeout=30).status_code == 401
        bearer = {"Authorization": f"Bearer {token[1]}"}
        assert requests.post(f"{it.url}/v1/rerank", json=JOB, headers=bearer, timeout=30).ok


def test_what_it_started_ends_when_it_is_killed(tmp_path: Path) -> None:
    """After SIGKILL all its parts end, and the next one on the folder waits for that and starts."""
    data = tmp_path / "data"
    with RunningUp(data) as first:
        parts = children(first.process.pid)
        assert len(parts) >= 5
        first.stop(signal.SIGKILL)
    with RunningUp(data) as second:
        assert not running_among(parts)
        assert requests.post(f"{second.url}/v1/rerank", json=JOB, timeout=30).ok


def test_it_ends_when_a_part_has_ended(tmp_path: Path) -> None:
    """It names the part, stops the others, and ends with exit code 2."""
    with RunningUp(tmp_path / "data") as it:
        parts = children(it.process.pid)
        named = re.search(r"worker +\| .*", it.log())
        assert named
        os.kill(_worker_among(parts), signal.SIGKILL)
        assert it.process.wait(90) == 2
        assert "rerankq: the worker ended with code -9" in it.log()
        eventually(lambda: not running_among(parts), "all parts have ended")


def _worker_among(parts: set[int]) -> int:
    for part in parts:
        command = Path(f"/proc/{part}/cmdline")
        if command.exists() and b"\0worker" in command.read_bytes():
            return part
    pytest.skip("needs /proc to tell the parts apart")


def test_it_brings_a_prometheus_that_reads_its_parts(tmp_path: Path) -> None:
    """With --metrics, Prometheus has all processes and all rules, and ends with the others."""
    program("prometheus")
    with RunningUp(tmp_path / "data", "--metrics") as it:
        found = re.search(r"Prometheus is at (\S+),", it.log())
        assert found, it.log()

        def answers(query: str) -> list[object]:
            address, asked = f"{found[1]}/api/v1/query", {"query": query}
            data = requests.get(address, params=asked, timeout=30).json()["data"]
            return list(data["result"])

        eventually(lambda: len(answers('up{job=~"rerankq-.*"} == 1')) == 3, "it scrapes all")
        eventually(lambda: answers("rerankq_desired_workers"), "a process shows the ledger")
        eventually(lambda: answers("lane:rerankq_workers:max"), "the rules are evaluated")
        assert it.stop() == 0
