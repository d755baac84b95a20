"""Another Celery application on the same Redis database, with a worker of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Final, Self

from running.waiting import eventually
from running.worker import clean_environment

LONG_SECONDS: Final = 43_200
_APP: Final = """
import pathlib, time
from celery import Celery
app = Celery("shop", broker="{url}", backend="{url}")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={{"visibility_timeout": {seconds}}},
)
@app.task
def long_one():
    with pathlib.Path("ran").open("a") as file:
        file.write("x")
    time.sleep(600)
@app.task
def short_one(): return 1
"""


class CeleryNeighbour:
    """Serves between `with` and its end.

    Args:
        redis_url: the database that it shares.
        folder: for its module, its log, and the file `ran`, which has an x for each run of its long
            task.
    """

    def __init__(self, redis_url: str, folder: Path) -> None:
        self._folder = folder
        self._ran = folder / "ran"
        self._log = folder / "shop.log"
        self._worker: subprocess.Popen[bytes]
        (folder / "shop.py").write_text(_APP.format(url=redis_url, seconds=LONG_SECONDS))

    def __enter__(self) -> Self:
        command = self._celery("worker", "-c", "2", "-P", "threads", "-n", "one@shop", "-l", "INFO")
        with self._log.open("wb") as log:
            self._worker = subprocess.Popen(
                command, cwd=self._folder, env=clean_environment(), stdout=log, stderr=log
            )
        try:
            eventually(lambda: " ready." in self.log(), "it is ready", seconds=60)
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.kill()
        self._worker.wait(30)

    @property
    def alive(self) -> bool:
        """Whether its worker runs."""
        return self._worker.poll() is None

    def log(self) -> str:
        """What its worker has written so far."""
        return self._log.read_text()

    def runs(self) -> int:
        """How often its long task was started."""
        return len(self._ran.read_text()) if self._ran.exists() else 0

    def call(self, *arguments: str) -> str:
        """What `celery` with these arguments says."""
        done = subprocess.run(
            self._celery(*arguments),
            cwd=self._folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout + done.stderr

    def send(self, task: str) -> None:
        """Send one of its tasks."""
        self.call("call", f"shop.{task}")

    def _celery(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "celery", "-A", "shop", *arguments]
