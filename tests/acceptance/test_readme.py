"""The code blocks of the README are run unchanged, and do what it says."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from running.command import BIN, RERANKQ, rerankq, sandbox_process
from running.redis_server import free_port
from running.waiting import eventually
from running.worker import RunningWorker, clean_environment

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
REDIS_IN_README = "redis://localhost:6379/0"
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
SECONDS = 90

Environment = dict[str, str]


def blocks(language: str) -> list[str]:
    return [block for name, block in FENCE.findall(README.read_text("utf-8")) if name == language]


def services() -> list[str]:
    """The lines that start a service, which runs until it is stopped."""
    return re.findall(r"^ *\$ ((?:\w+=\S+ )*rerankq .*)$", "".join(blocks("console")), re.MULTILINE)


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def settings(redis_url: str) -> Environment:
    """An environment with `rerankq` on the path and the address of Redis."""
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    return clean_environment() | {"PATH": path, "RERANKQ_REDIS_URL": redis_url}


@pytest.fixture
def stack(redis_url: str, settings: Environment, tmp_path: Path) -> Iterator[Environment]:
    """The environment of a user whose sandbox and worker are running."""
    with (
        sandbox_process(tmp_path, "--key", "sk-test") as url,
        RunningWorker(redis_url, url, tmp_path, lane="", command=(RERANKQ,)),
    ):
        yield settings


PRINTED = (
    r"1 0\.\d+",
    r"([0-9a-f-]{36} [01]\n?){100}",
    r"(row-\d+ [01]\n?){100}",
    r"1",
    r"0",
    r"1",
)
"""What each block of Python prints, in the order of the page; the matching document is first."""


def test_each_python_block_runs_by_itself(
    redis_url: str, stack: Environment, tmp_path: Path
) -> None:
    """Each block is a complete program; the test changes only the address of Redis."""
    programs = blocks("python")
    assert REDIS_IN_README in "".join(programs)
    for program, printed in zip(programs, PRINTED, strict=True):
        done = subprocess.run(
            [str(BIN / "python"), "-c", program.replace(REDIS_IN_README, redis_url)],
            env=stack,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(printed, done.stdout.strip()), done.stdout


WHEELS = ROOT / ".make" / "wheels"


@pytest.mark.skipif(not WHEELS.is_dir(), reason="`make` has fetched no wheels to install from")
def test_the_install_line_works_from_a_checkout(tmp_path: Path) -> None:
    """In a new virtualenv, without an index, the line installs worker, sandbox and Flower."""
    (line,) = re.findall(r"^\$ pip (install .+)$", "".join(blocks("console")), re.MULTILINE)
    checkout, venv = tmp_path / "rerankq", tmp_path / "venv"
    parts = (
        *("producer", "worker", "gateway", "sandbox", "ops/prometheus/rules"),
        *("pyproject.toml", "README.md", "LICENSE"),
    )
    for part in parts:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, checkout / part)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=SECONDS)
    subprocess.run(
        ["bash", "-euc", f". {venv}/bin/activate && pip {line} --no-compile"],
        env=clean_environment() | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS)},
        cwd=checkout,
        check=True,
        timeout=SECONDS,
    )
    for command in ("worker", "sandbox", "flower"):
        done = subprocess.run(
            [venv / "bin" / "rerankq", command, "--help"],
            env=clean_environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    importable = "import flower, httptools, httpx, rerankq_worker.app"
    subprocess.run([venv / "bin" / "python", "-c", importable], check=True, timeout=SECONDS)


def test_the_shell_blocks_run_as_one_script(stack: Environment, tmp_path: Path) -> None:
    """The shell blocks of the README run from top to bottom without a failure."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks("sh"))],
        env=stack,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ranked, again = ((tmp_path / name).read_text() for name in ("ranked.jsonl", "again.jsonl"))
    assert [row["status"] for row in rows(ranked)] == ["succeeded", "succeeded"]
    assert again == ranked
    assert '"status":"succeeded"' in done.stdout
    assert "too late: it had ended" in done.stdout
    assert json.loads((tmp_path / "job.schema.json").read_text())["Job"]["type"] == "object"


def test_the_lines_of_output_look_as_shown(stack: Environment) -> None:
    """An output line has the fields that the README shows, in that order, with those values."""
    asked = re.findall(r'^\{"custom_id": "cold".*$', blocks("sh")[0], re.MULTILINE)
    given = "\n".join([*asked, '{"custom_id": "bad", "query": "no documents"}'])
    done = rerankq("run", "-", given=given, RERANKQ_REDIS_URL=stack["RERANKQ_REDIS_URL"])
    assert done.returncode == 1, done.stderr
    expected, came = rows(blocks("json")[0]), rows(done.stdout)
    assert [shape(row) for row in came] == [shape(row) for row in expected]


def shape(row: dict[str, Any]) -> str:
    """The row as text, without the values that differ from run to run."""
    text = json.dumps(row, ensure_ascii=False)
    text = re.sub(r'"job_id": "[0-9a-f-]{36}"', '"job_id": "…"', text)
    return re.sub(r'"relevance_score": [\d.e-]+', '"relevance_score": 0', text)


@pytest.mark.parametrize("line", services())
def test_each_service_starts_and_stops(line: str, settings: Environment, tmp_path: Path) -> None:
    """A service starts by the line in the README; at SIGTERM it ends with exit code 0."""
    port = free_port()
    command = re.sub(r"--port \d+", f"--port {port}", line)
    out = tmp_path / "service.out"
    with out.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec env {command}"],
            env={"DMXAPI_API_KEY": "sk-of-this-test", "XDG_DATA_HOME": str(tmp_path), **settings},
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: process.poll() is not None or serves(command, port, out), line)
        assert process.poll() is None, out.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, out.read_text()
    finally:
        process.kill()
        process.wait(30)


def serves(command: str, port: int, out: Path) -> bool:
    """Whether the service is ready."""
    if " worker" in command:
        lanes = command.count("--lane") or 2
        return out.read_text().count(" ready.") == lanes
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/", timeout=10)
    except requests.ConnectionError:
        return False
    # Flower asks for a password; the sandbox and the gateway have no page at this path.
    return answer.status_code == (401 if " flower" in command else 404)
