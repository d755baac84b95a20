"""A real Prometheus, from Debian's package `prometheus`."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import requests
import yaml

from running.must_play import skip_or_fail
from running.redis_server import free_port
from running.waiting import eventually

LACK: Final = "there is no {} on PATH: install Debian's package prometheus"


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is; the test is skipped when it is missing."""
    found = shutil.which(name)
    if found is None:
        skip_or_fail("prometheus", LACK.format(name))
    return found


class Prometheus:
    """Scrapes every second between `with` and its end.

    Args:
        folder: for its data and its log.
        targets: hosts and ports by the names of their jobs.
        rules: files of rules.
    """

    def __init__(
        self, folder: Path, targets: Mapping[str, Sequence[str]], rules: Sequence[Path]
    ) -> None:
        self._binary = program("prometheus")
        self._folder = folder
        self._base = f"http://127.0.0.1:{(port := free_port())}"
        self._listen = f"127.0.0.1:{port}"
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(each) for each in rules],
            "scrape_configs": [
                {"job_name": f"rerankq-{job}", "static_configs": [{"targets": list(each)}]}
                for job, each in targets.items()
            ],
        }
        self._config = folder / "prometheus.yml"
        self._config.write_text(yaml.safe_dump(config), "utf-8")
        self._log = folder / "prometheus.log"
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(self._binary, f"--config.file={self._config}"),
                    *(f"--storage.tsdb.path={self._folder / 'tsdb'}",),
                    f"--web.listen-address={self._listen}",
                ],
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, "Prometheus answers")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression now; fails if it cannot be read."""
        answer = self._get("query", query=expression)
        assert answer["status"] == "success", f"{expression}: {answer['error']}"
        data = answer["data"]
        return list(data["result"]) if data["resultType"] == "vector" else [data]

    def rules(self) -> list[dict[str, Any]]:
        """All rules, with their health."""
        groups = self._get("rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _get(self, what: str, **parameters: str) -> dict[str, Any]:
        answer = requests.get(f"{self._base}/api/v1/{what}", params=parameters, timeout=30)
        found: dict[str, Any] = answer.json()
        return found

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            return requests.get(f"{self._base}/-/ready", timeout=5).ok
        except requests.ConnectionError:
            return False
