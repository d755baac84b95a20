"""The examples of `docs/testing.md`, and the fixtures that they use."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from running.worker import clean_environment

PAGE = Path(__file__).parents[3] / "docs" / "testing.md"
BLOCK = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

OWN = """
import os

import pytest

from rerankq import RerankClient
from rerankq.testing import FakeRerankq, Scores


@pytest.fixture
def rerankq_scores() -> Scores:
    return lambda query, documents: [-len(text) for text in documents]


@pytest.mark.parametrize("turn", range(2))
def test_fixtures(fake_rerankq: FakeRerankq, turn: int) -> None:
    assert os.environ["RERANKQ_REDIS_URL"] == fake_rerankq.redis_url
    job = fake_rerankq.client.submit(query="q", documents=["abc", "a"], job_id="of-each-test")
    assert job.result(timeout=30).results[0].index == 1
    assert len(fake_rerankq.requests) == 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the page shows."""
    for name, text in BLOCK.findall(PAGE.read_text("utf-8")):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def run_pytest(folder: Path, *arguments: str) -> str:
    """Run pytest as a user does; returns its output."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *arguments],
        env=clean_environment() | {"PYTEST_ADDOPTS": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_examples_pass(folder: Path) -> None:
    """The tests on the page pass."""
    assert "5 passed" in run_pytest(folder)


def test_the_fixtures_can_be_overridden_and_are_new_for_each_test(folder: Path) -> None:
    """A folder's own scores are used; each test has an empty ledger and its own address."""
    (folder / "test_own.py").write_text(OWN)
    assert "2 passed" in run_pytest(folder, "test_own.py")


def test_no_fixture_is_loaded_unasked(folder: Path) -> None:
    """Without the plugin pytest has no fixture of rerankq."""
    (folder / "conftest.py").unlink()
    assert "rerankq" not in run_pytest(folder, "--fixtures", "test_directly.py")
