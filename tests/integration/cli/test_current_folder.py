"""Commands that are started in the folder of another project."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from running.command import RERANKQ, rerankq
from running.flower import USER, flower, workers_seen
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker, clean_environment

MODULES: Final = (
    *("celery", "kombu", "redis", "orjson", "pydantic", "typer", "rich", "json", "ssl", "uuid"),
    *("flower", "flowerconfig", "celeryconfig", "tornado", "rerankq", "rerankq_worker", "httpx"),
    *("sitecustomize", "usercustomize", "aiohttp", "logging", "prometheus_client", "tasks"),
)
COMMANDS: Final = (
    ("--help",),
    ("schema", "Job"),
    ("submit", "-q", "q", "-d", "a"),
    ("status", "nobody"),
    ("result", "nobody"),
    ("cancel", "nobody"),
    ("run", "-", "-o", "-", "--detach"),
    ("results", "nobody"),
    ("dead", "list"),
    ("upstream", "status"),
    ("worker", "--help"),
    ("sandbox", "--help"),
    ("flower", "--help"),
    ("demo", "--help"),
    ("up", "--help"),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with modules that create a file `<name>.ran` when they are run."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in MODULES:
        trap = f"open({str(folder / name)!r} + '.ran', 'w').close()\nraise ImportError\n"
        (folder / f"{name}.py").write_text(trap)
    return folder


def ran(project: Path) -> list[str]:
    """Names of the project's modules that were run."""
    return sorted(each.stem for each in project.glob("*.ran"))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_runs_modules_of_the_folder(
    redis_url: str, project: Path, arguments: tuple[str, ...]
) -> None:
    """A command imports nothing from the folder that it is called in."""
    done = rerankq(*arguments, RERANKQ_REDIS_URL=redis_url, given="", cwd=project)
    assert "Traceback" not in done.stderr
    assert "unforeseen" not in done.stderr
    assert ran(project) == []


@pytest.mark.parametrize("python_path", ["", ":/nowhere", "/nowhere:", "."])
def test_no_service_runs_modules_of_the_folder(
    redis_url: str, project: Path, tmp_path: Path, python_path: str
) -> None:
    """Worker, lanes, Flower and `run` import nothing from the folder, whatever PYTHONPATH says."""
    search = {"PYTHONPATH": python_path} if python_path else {}
    if python_path:
        # Python itself looks for these, before any code of rerankq runs.
        for name in ("sitecustomize", "usercustomize", "rerankq", "json", "ssl", "uuid", "logging"):
            (project / f"{name}.py").unlink()
    arguments = ("run", "-", "-o", "-")
    settings: dict[str, Any] = {"RERANKQ_REDIS_URL": redis_url, **search}
    done = rerankq(*arguments, given="", cwd=project, **settings)
    assert done.returncode == 0, done.stderr
    with (
        RunningSandbox(keys=("sk-test",)) as upstream,
        RunningWorker(
            redis_url,
            upstream.url,
            tmp_path,
            lane="",
            command=(RERANKQ,),
            cwd=project,
            environment=search,
        ) as worker,
        flower(
            redis_url,
            tmp_path / "log",
            cwd=project,
            RERANKQ_FLOWER_AUTH=":".join(USER),
            **search,
        ) as (address, _),
    ):
        eventually(lambda: len(workers_seen(address)) == 2, "Flower sees both lanes")
        assert worker.terminate() == 0
    assert ran(project) == []


def test_as_a_module_python_needs_its_safe_option(project: Path) -> None:
    """`python -P -m rerankq.cli` imports nothing of the folder; without -P Python itself does."""
    command = [sys.executable, "-P", "-m", "rerankq.cli", "schema", "Job"]
    done = subprocess.run(
        command, cwd=project, env=clean_environment(), capture_output=True, check=False
    )
    assert done.returncode == 0
    assert ran(project) == []
