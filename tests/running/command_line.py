"""Runs commands in this process, which saves the start of a new one."""

import io
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from rerankq.cli.main import run
from running.worker import clean_environment

Done = subprocess.CompletedProcess[str]


class CommandLine:
    """Runs commands on one Redis, and captures what they print."""

    def __init__(
        self, redis_url: str, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self._capsys = capsys
        self._patch = patch
        for name in set(os.environ) - clean_environment().keys():
            patch.delenv(name)
        patch.setenv("RERANKQ_REDIS_URL", redis_url)

    def __call__(self, *arguments: str, given: str = "") -> Done:
        """Run a command to its end."""
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        code = run(arguments)
        said = self._capsys.readouterr()
        return Done(arguments, code, said.out, said.err)

    def submitted(self, *arguments: str, given: str = "") -> str:
        """Submit a job; returns its id."""
        done = self("submit", *arguments, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def asked(self, *arguments: str) -> dict[str, Any]:
        """The JSON object that a command prints, and its exit code as `code`."""
        done = self(*arguments, "--json")
        assert done.stdout.count("\n") == 1, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout) | {"code": done.returncode}
        return answer
