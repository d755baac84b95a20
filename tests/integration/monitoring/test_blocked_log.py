"""A gateway whose log nobody reads."""

import subprocess
from pathlib import Path

import requests

from running.command import RERANKQ
from running.full_pipe import full_pipe
from running.redis_server import free_port
from running.waiting import eventually
from running.worker import clean_environment


def test_a_log_that_nobody_reads_stops_no_gateway(redis_url: str, tmp_path: Path) -> None:
    """A gateway whose stderr is a full pipe answers, and its processes end in time."""
    port = free_port()
    with full_pipe() as writer:
        process = subprocess.Popen(
            [RERANKQ, "gateway", "--port", str(port), "--workers", "2", "--log-level", "debug"],
            env=clean_environment() | {"RERANKQ_REDIS_URL": redis_url},
            cwd=tmp_path,
            stdout=writer,
            stderr=writer,
        )
        try:

            def answers() -> bool:
                try:
                    return requests.get(f"http://127.0.0.1:{port}/ready", timeout=5).ok
                except (requests.ConnectionError, requests.Timeout):
                    # The port is open before its processes serve.
                    return False

            eventually(answers, "it answers", seconds=60)
            for _ in range(200):
                assert requests.get(f"http://127.0.0.1:{port}/nothing", timeout=30).status_code
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait(30)
