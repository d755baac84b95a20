"""The OpenAPI description, tried by a tool that reads it: schemathesis."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from running.foreign_clients import Deployment, made
from running.worker import clean_environment

SECONDS: Final = 60
"""How long it tries at most; the last call may take longer."""
CONFIGURATION: Final = Path(__file__).with_name("schemathesis.toml")

HOOKS: Final = "schemathesis_hooks"


@pytest.mark.timeout(180)
def test_no_request_breaks_the_gateway(deployment: Deployment, tmp_path: Path) -> None:
    """Whatever is sent, the answer is one that the description promises, and never a 500."""
    task = deployment.task("tenant-of-schemathesis")
    done = subprocess.run(
        [
            *(made("schemathesis") / "bin" / "schemathesis", "--config-file", CONFIGURATION, "run"),
            *(f"{task.url}/openapi.json", "--max-time", str(SECONDS), "--no-color"),
            *("--header", f"Authorization: Bearer {task.key}"),
        ],
        cwd=tmp_path,
        env=clean_environment()
        | {"SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(CONFIGURATION.parent)},
        capture_output=True,
        text=True,
        timeout=SECONDS * 2,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "Traceback" not in deployment.gateway.log()
