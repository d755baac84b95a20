"""The benchmark of limits in its shortest form: that it measures and judges, not how well."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from running.worker import clean_environment

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.timeout(200)


def test_a_run_says_what_was_found_beside_what_was_due(tmp_path: Path) -> None:
    """A known limit is kept by four real workers; the figures stand beside their targets."""
    options = ("--seconds", "4", "--alone", "--scenarios", "known rpm", "--json", "found.json")
    done = subprocess.run(
        [sys.executable, "-m", "throttling", *options],
        cwd=tmp_path,
        env=clean_environment() | {"PYTHONPATH": f"{ROOT / 'ops'}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    # Whether the work was done in four seconds is the machine's affair, and so is the exit code.
    assert done.returncode in (0, 1), done.stderr
    (row,) = json.loads((tmp_path / "found.json").read_text("utf-8"))["rows"]
    figures = {each["name"]: each for each in row["figures"]}
    assert row["failure"] == ""
    assert figures["work"]["value"] > 0
    assert figures["over the limit, in lots"]["met"]
    assert figures["429s"]["met"]
    assert done.returncode == (0 if all(each["met"] for each in row["figures"]) else 1)
