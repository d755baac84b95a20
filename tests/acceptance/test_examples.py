"""Each example, and the quickstart, runs unchanged against what `rerankq up` starts."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from running.command import BIN
from running.redis_server import free_port
from running.up import RunningUp
from running.waiting import eventually
from running.worker import clean_environment

EXAMPLES = Path(__file__).parents[2] / "examples"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
QUICKSTART = Path(__file__).parents[2] / "docs" / "quickstart.md"
COLD = "Washing hands helps to prevent a cold."
SECONDS = 60
CELLS = """
import asyncio

async def kernel() -> None:
    cells = open("notebook.py", encoding="utf-8").read().split("# %%")
    names = {}
    for cell in cells:
        exec(compile("#" + cell, "notebook.py", "exec"), names)

asyncio.run(kernel())
"""
"""Runs the cells as a notebook does: one after the other, inside a running event loop."""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUp]:
    """The whole service, as its user starts it."""
    with RunningUp(tmp_path_factory.mktemp("examples") / "data") as it:
        yield it


def environment(up: RunningUp) -> dict[str, str]:
    return clean_environment() | {"RERANKQ_REDIS_URL": up.redis_url, "PYTHONUNBUFFERED": "1"}


def ran(up: RunningUp, *command: str, folder: Path = EXAMPLES) -> str:
    """Run a program to its end; returns what it printed."""
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(up) | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def serving(up: RunningUp, log: Path, *command: str) -> Iterator[None]:
    """Run a server until the end of the context."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=EXAMPLES, env=environment(up), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def hits(port: int) -> list[str] | None:
    """What a backend finds, once it serves."""
    where = f"http://127.0.0.1:{port}/search"
    try:
        answer = requests.get(where, params={"q": "how to prevent a cold"}, timeout=30)
    except requests.ConnectionError:
        return None
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["hits"]
    return found


def test_the_script(up: RunningUp) -> None:
    """It prints the best answer to each question."""
    said = sorted(ran(up, str(BIN / "python"), "script.py").splitlines())
    assert [line.partition(" (")[0] for line in said] == [
        "coffee: Cold water gets a coffee stain out of a shirt.",
        f"cold: {COLD}",
        "wine: Red wine goes with cheese.",
    ]


def test_the_notebook(up: RunningUp) -> None:
    """Its cells work inside the event loop of a notebook."""
    first, _, last = ran(up, str(BIN / "python"), "-c", CELLS).splitlines()
    assert first.endswith(COLD)
    assert last == "0"


def test_the_fastapi_backend(up: RunningUp, tmp_path: Path) -> None:
    """It answers with the best first."""
    port = free_port()
    command = (str(BIN / "python"), "-m", "uvicorn", "fastapi_backend:app", "--port", str(port))
    with serving(up, tmp_path / "log", *command):
        assert eventually(lambda: hits(port), "it serves")[0] == COLD


def test_the_django_backend(up: RunningUp, tmp_path: Path) -> None:
    """Preloaded under gunicorn, each of its processes answers with the best first."""
    port = free_port()
    # Not part of the wheel's extras, so it runs in the environment of the tests.
    command = (
        *(sys.executable, "-m", "gunicorn", "--preload", "--workers", "2"),
        *("--bind", f"127.0.0.1:{port}", "django_backend:application"),
    )
    with serving(up, tmp_path / "log", *command):
        assert eventually(lambda: hits(port), "it serves")[0] == COLD

        async def at_once() -> list[list[str] | None]:
            return await asyncio.gather(*(asyncio.to_thread(hits, port) for _ in range(8)))

        assert [each and each[0] for each in asyncio.run(at_once())] == [COLD] * 8


def test_the_celery_callback(up: RunningUp, tmp_path: Path) -> None:
    """A worker of the user's own application gets the id of the job, and reads its ranking."""
    python, log = str(BIN / "python"), tmp_path / "log"
    command = (*("-m", "celery", "-A", "celery_callback"), *("worker", "-P", "solo", "-Q", "shop"))
    with serving(up, log, python, *command):
        job_id = ran(up, python, "celery_callback.py").strip()
        eventually(lambda: f"{job_id}: {COLD}" in log.read_text(), "the task ran", seconds=SECONDS)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_curl(up: RunningUp) -> None:
    """Its three kinds of call are answered."""
    said = ran(up, "sh", "curl.sh", up.url)
    ranking, job, *rows = [line for line in said.splitlines() if line]
    assert COLD in ranking or '"index":1' in ranking
    assert '"state":"succeeded"' in job
    assert sorted(
        each for row in rows for each in ("a", "b") if f'"custom_id":"{each}"' in row
    ) == [
        "a",
        "b",
    ]


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_node(up: RunningUp) -> None:
    """It prints the best document of a call, and of a job that it asked for later."""
    assert ran(up, "node", "node.mjs", up.url).splitlines() == [
        COLD,
        "succeeded Red wine goes with cheese.",
    ]


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_quickstart(up: RunningUp, tmp_path: Path) -> None:
    """What it lets its reader type does what it says; the test changes only the address."""
    blocks = FENCE.findall(QUICKSTART.read_text("utf-8"))
    (program,) = (block for language, block in blocks if language == "python")
    assert re.fullmatch(
        r"accepted as \S+\n1 0\.\d+\n0 0\.\d+\n", ran(up, str(BIN / "python"), "-c", program)
    )
    script = "\n".join(block for language, block in blocks if language == "sh")
    assert "http://127.0.0.1:8080" in script
    script = script.replace("http://127.0.0.1:8080", up.url)
    said = ran(up, "bash", "-euc", script, folder=tmp_path)
    ranking, _ = json.JSONDecoder().raw_decode(said)
    assert ranking["results"][0]["index"] == 1
    rows = [json.loads(line) for line in (tmp_path / "ranked.jsonl").read_text().splitlines()]
    assert [row["results"][0]["index"] for row in rows] == [1, 0]
    assert [row["custom_id"] for row in rows] == ["cold", "wine"]


def test_each_example_is_listed_and_run() -> None:
    """The page of examples names each file, and a test above runs it."""
    page = (EXAMPLES / "README.md").read_text("utf-8")
    here = Path(__file__).read_text("utf-8")
    for each in EXAMPLES.iterdir():
        if each.is_file() and each.suffix != ".md":
            assert f"]({each.name})" in page
            assert each.stem in here
