import os
import subprocess
from pathlib import Path

import pytest

HEAVY = ("httpx", "aiohttp", "flower", "numpy", "rerankq_worker")


def client_python() -> str:
    folder = os.environ.get("RERANKQ_TEST_CLIENT_BIN")
    if not folder:
        pytest.skip("needs an environment with the client alone: `make test` makes one")
    return str(Path(folder) / "python")


def test_the_client_needs_no_extra() -> None:
    """After `pip install rerankq` alone the client can be imported, and loads nothing heavy."""
    modules = "rerankq, rerankq.events, rerankq.testing"
    script = f"import sys, {modules}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [client_python(), "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_a_command_of_a_missing_extra_says_which() -> None:
    """`rerankq worker` without its extra prints one line that says what to install."""
    done = subprocess.run(
        [client_python(), "-m", "rerankq.cli", "worker"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert 'pip install ".[worker]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_doctor_checks_what_it_can(tmp_path: Path) -> None:
    """Without the extras it checks settings and Redis, and says what adds the other checks."""
    done = subprocess.run(
        [client_python(), "-m", "rerankq.cli", "doctor"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"RERANKQ_REDIS_URL": "redis://127.0.0.1:1/0"},
    )
    assert done.returncode == 2, done.stderr
    assert "[redis_unusable]" in done.stdout
    for extra in ("worker", "gateway"):
        assert f'pip install ".[{extra}]" in a checkout of rerankq adds its checks' in done.stdout
    assert "Traceback" not in done.stderr
