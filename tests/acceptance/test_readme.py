"""What the README shows is what happens: its blocks are run as they stand."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from running.command import BIN, RERANKQ, rerankq, sandbox_process
from running.redis_server import free_port
from running.waiting import eventually
from running.worker import RunningWorker, clean_environment

README = Path(__file__).parents[2] / "README.md"
REDIS_IN_README = "redis://localhost:6379/0"
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
SECONDS = 90

Environment = dict[str, str]


def blocks(language: str) -> list[str]:
    return [block for name, block in FENCE.findall(README.read_text("utf-8")) if name == language]


def services() -> list[str]:
    """The lines that start something which runs until it is stopped."""
    return re.findall(r"^ *\$ ((?:\w+=\S+ )*rerankq .*)$", "".join(blocks("console")), re.MULTILINE)


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def settings(redis_url: str) -> Environment:
    """An environment with `rerankq` on the path, and Redis where it is."""
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    return clean_environment() | {"PATH": path, "RERANKQ_REDIS_URL": redis_url}


@pytest.fixture
def stack(redis_url: str, settings: Environment, tmp_path: Path) -> Iterator[Environment]:
    """The environment of a user whose sandbox and worker are up."""
    with (
        sandbox_process(tmp_path, "--key", "sk-test") as url,
        RunningWorker(redis_url, url, tmp_path, lane="", command=(RERANKQ,)),
    ):
        yield settings


def test_the_python_blocks_run_as_one_program(
    redis_url: str, stack: Environment, tmp_path: Path
) -> None:
    """The Python of the README runs from top to bottom, changed in the address of Redis alone."""
    program = "\n".join(blocks("python"))
    assert REDIS_IN_README in program
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
    first, *streamed, awaited, celery = done.stdout.splitlines()
    assert re.fullmatch(r"[01] \d+\.\d+(e-\d+)?", first)
    assert len({line.split()[0] for line in streamed}) == 100
    assert awaited in {"0", "1"}
    assert celery in {"0", "1"}


def test_the_shell_blocks_run_as_one_script(stack: Environment, tmp_path: Path) -> None:
    """The shell of the README runs from top to bottom, and stops at no failure."""
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
    assert '"state":"succeeded"' in done.stdout
    assert "too late: it had ended" in done.stdout
    assert json.loads((tmp_path / "job.schema.json").read_text())["Job"]["type"] == "object"


def test_the_lines_of_output_look_as_shown(stack: Environment) -> None:
    """An output line has the fields, in their order, and the values that the README shows."""
    asked = re.findall(r'^\{"custom_id": "cold".*$', blocks("sh")[0], re.MULTILINE)
    given = "\n".join([*asked, '{"custom_id": "bad", "query": "no documents"}'])
    done = rerankq("run", "-", given=given, RERANKQ_REDIS_URL=stack["RERANKQ_REDIS_URL"])
    assert done.returncode == 1, done.stderr
    expected, came = rows(blocks("json")[0]), rows(done.stdout)
    assert [shape(row) for row in came] == [shape(row) for row in expected]


def shape(row: dict[str, Any]) -> str:
    """The row as text, without what differs from run to run."""
    text = json.dumps(row, ensure_ascii=False)
    text = re.sub(r'"job_id": "[0-9a-f-]{36}"', '"job_id": "…"', text)
    return re.sub(r'"relevance_score": [\d.e-]+', '"relevance_score": 0', text)


@pytest.mark.parametrize("line", services())
def test_each_service_starts_and_stops(line: str, settings: Environment, tmp_path: Path) -> None:
    """A service starts from the line in the README, and ends well by SIGTERM."""
    port = free_port()
    command = re.sub(r"--port \d+", f"--port {port}", line)
    out = tmp_path / "service.out"
    with out.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec env {command}"],
            env={"DMXAPI_API_KEY": "sk-of-this-test", **settings},
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
    """Whether the service does what it is for."""
    if " worker" in command:
        lanes = command.count("--lane") or 2
        return out.read_text().count(" ready.") == lanes
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/", timeout=10)
    except requests.ConnectionError:
        return False
    # Flower asks for its password before it shows anything; the sandbox has no page there.
    return answer.status_code == (401 if " flower" in command else 404)
