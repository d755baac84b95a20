"""A real worker: `rerankq worker` in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from redis import Redis

from running.waiting import eventually


class RunningWorker:
    """Serves lanes between `with` and its end.

    Args:
        redis_url: the ledger.
        upstream_url: the upstream; if empty, those that `upstream_file` names.
        folder: for its log.
        lane: the lane to serve; both if empty.
        command: the command that runs `rerankq`; that of this environment if empty.
        api_key: the key for the upstream.
        environment: more variables for the process; an empty one is left out.
        cwd: the folder in which it is started; the current one if None.
        settings: more `RERANKQ_…` settings, by their names without the prefix, in lower case.
    """

    def __init__(
        self,
        redis_url: str,
        upstream_url: str,
        folder: Path,
        *,
        lane: str = "bulk",
        command: tuple[str, ...] = (),
        api_key: str = "sk-test",
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        **settings: object,
    ) -> None:
        self._redis_url = redis_url
        self._environment = clean_environment() | {
            "RERANKQ_REDIS_URL": redis_url,
            **({"RERANKQ_UPSTREAM_URL": upstream_url} if upstream_url else {}),
            "DMXAPI_API_KEY": api_key,
            # Tests count the calls of jobs. Those of checks come only where a test wants them.
            "RERANKQ_SCORE_CHECK_SECONDS": "0",
            **{f"RERANKQ_{name.upper()}": str(value) for name, value in settings.items()},
            **(environment or {}),
        }
        # A version before a setting refuses its name, whatever its value.
        self._environment = {name: value for name, value in self._environment.items() if value}
        self.api_key = api_key
        self._cwd = cwd
        self._lanes = [lane] if lane else ["bulk", "interactive"]
        self._command = command or (sys.executable, "-m", "rerankq.cli")
        self._log = folder / f"worker-{lane}-{id(self)}.log"
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        options = [part for lane in self._lanes for part in ("--lane", lane)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command, "worker", *options],
                env=self._environment,
                cwd=self._cwd,
                stdout=log,
                stderr=log,
            )
        try:
            eventually(self._consumes, "the worker consumes", seconds=60)
        except AssertionError as error:
            # A worker that is left running would take the jobs of later tests.
            self.__exit__()
            error.add_note(self.log())
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(30)

    def terminate(self, seconds: float = 60.0) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text()

    def restarts(self) -> int:
        """How often it replaced itself, all its lanes together; below zero during its start.

        A restart keeps the process id, so the log is read: Celery logs that it is ready once for
        each process, not for each connection.
        """
        return self.log().count(" ready.") - len(self._lanes)

    def _consumes(self) -> bool:
        assert self.process.poll() is None, self.log()
        return self.restarts() >= 0


def clean_environment() -> dict[str, str]:
    """The environment without any setting of rerankq: a test sets all that it needs."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RERANKQ_", "DMXAPI_"))
    }


def waiting_messages(redis_url: str, lane: str = "bulk") -> int:
    """How many hints lie in the lane's Celery queue."""
    with Redis.from_url(redis_url) as client:
        return int(client.llen(f"rerankq.{lane}"))
