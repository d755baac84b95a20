"""Programs that use other people's clients, each in the environment of its client."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import requests

from rerankq import RerankClient
from running.gateway import GatewayProcess
from running.must_play import skip_or_fail
from running.worker import clean_environment

ROOT: Final = Path(__file__).parents[2]
PROGRAMS: Final = ROOT / "tests" / "acceptance" / "clients" / "programs"
ENVIRONMENTS: Final = ROOT / ".make" / "clients"
"""Where `make clients` makes an environment for each lock file, and one for npm."""
SECONDS: Final = 90


@dataclass(frozen=True, slots=True)
class Task:
    """What a program is told: where to ask, with which key, and what to rank."""

    url: str
    key: str
    model: str = "qwen3-reranker-8b"
    query: str = "如何预防感冒"
    documents: tuple[str, ...] = (
        "今天股市大涨",
        "预防感冒应勤洗手、戴口罩",
        "流感疫苗可以预防流感",
    )
    top_n: int = 2

    def body(self) -> dict[str, Any]:
        """The call's body."""
        fields = asdict(self)
        return {name: fields[name] for name in ("model", "query", "documents", "top_n")}

    def answer(self) -> requests.Response:
        """The answer to the plain call, by no client."""
        return requests.post(
            f"{self.url}/v1/rerank",
            json=self.body(),
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=SECONDS,
        )

    def ranked(self) -> list[list[float]]:
        """Places and scores, as the plain call gets them."""
        answer = self.answer()
        assert answer.status_code == 200, answer.text
        return [[each["index"], each["relevance_score"]] for each in answer.json()["results"]]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A gateway with all that it needs."""

    gateway: GatewayProcess
    client: RerankClient

    @property
    def url(self) -> str:
        """The gateway's address, without a path."""
        return self.gateway.url

    def task(self, tenant: str | None = None) -> Task:
        """The usual call, with a new token."""
        token = self.client.tokens.create(tenant=tenant, scopes=["submit", "read"])
        return Task(self.url, token.secret)


def play(program: str, environment: str, *tasks: Task, **more: object) -> list[Any]:
    """Run a program that prints a line of JSON for each task; returns what they say.

    Args:
        program: a file of `PROGRAMS`.
        environment: a folder of `ENVIRONMENTS`.
        tasks: what it is told, as JSON.
        more: further fields of each task.
    """
    return run(program, environment, [asdict(task) | more for task in tasks])


def run(program: str, environment: str, tasks: Sequence[Mapping[str, object]]) -> list[Any]:
    """The same for tasks of any kind."""
    done = subprocess.run(
        [*_words(program, environment), json.dumps(tasks)],
        env=clean_environment() | {"NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def made(environment: str) -> Path:
    """The folder of an environment; the test skips without it."""
    folder = ENVIRONMENTS / environment
    if not (folder / ".complete").exists():
        skip_or_fail(environment, f"`make clients` could not make {environment}, or was not run")
    return folder


def _words(program: str, environment: str) -> tuple[Path, Path]:
    folder = made(environment)
    if environment != "npm":
        return folder / "bin" / "python", PROGRAMS / program
    # Node looks for packages beside the program.
    for each in PROGRAMS.glob("*.mjs"):
        shutil.copy(each, folder)
    return made("node") / "bin" / "node", folder / program
