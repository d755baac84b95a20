"""The benchmark in its shortest form: its report is complete and plausible."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import page
from running.worker import clean_environment

ROOT = Path(__file__).parents[3]
JOBS = 100

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the benchmark reads /proc and pins processes to cores"
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The JSON of a short run of two scenarios, and the page that it wrote."""
    folder = tmp_path_factory.mktemp("bench")
    written = folder / "page.md"
    written.write_text(f"before\n{page.BEGIN}\nolder\n{page.END}\nafter\n", "utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench", "--short", "--jobs", str(JOBS)),
            *("--scenarios", "drain,enqueue", "--json", "found.json", "--page", "page.md"),
        ],
        cwd=folder,
        env=clean_environment() | {"PYTHONPATH": str(ROOT / "ops"), "PEERS": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads((folder / "found.json").read_text("utf-8"))
    return said | {"page": written.read_text("utf-8")}


def test_everybody_is_measured(found: dict[str, Any]) -> None:
    """Without peers, rerankq and the bare loops are measured in each scenario; none fails."""
    entries = [(row["scenario"], row["kind"], row["failure"]) for row in found["rows"]]
    assert entries == [
        ("drain", "ours", ""),
        ("drain", "ours", ""),
        ("drain", "ours", ""),
        ("drain", "ours", ""),
        ("drain", "ours", ""),
        ("drain", "bare", ""),
        ("drain", "transport", ""),
        ("enqueue", "ours", ""),
        ("enqueue", "ours", ""),
    ]


def test_figures_are_plausible(found: dict[str, Any]) -> None:
    """Every job is called once, rates and costs are positive, a queued job holds its documents."""
    *drains, enqueued, _ = (row["figures"] for row in found["rows"])
    drained = drains[0]
    assert drained["calls_per_job"] == 1
    assert 0 < drained["most_in_flight"] <= 200
    # 200 calls in flight at 100 ms allow no more.
    assert all(0 < each["jobs_per_s"] <= 2_000 for each in drains)
    assert all(each["worker_us"] > 0 for each in drains)
    assert enqueued["enqueued_per_s"] > 0
    assert enqueued["client_us"] > 0
    assert 1_000 < enqueued["redis_bytes"] < 10_000


def test_the_page_says_how_to_repeat_it(found: dict[str, Any]) -> None:
    """A run replaces the one before on the page, with its date, its machine and its command."""
    before, _, after = found["page"].partition(found["date"])
    assert before.startswith("before\n")
    assert after.endswith("after\n")
    assert "older" not in found["page"]
    assert f"python -m bench --short --jobs {JOBS}" in after
    assert f"{found['cores']} cores" in after
