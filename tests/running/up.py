"""`rerankq up` in a process of its own."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Self

from running.command import RERANKQ
from running.redis_server import free_port
from running.waiting import eventually
from running.worker import clean_environment


class RunningUp:
    """Serves between `with` and its end.

    Args:
        data: its folder of data.
        arguments: more words of its command line.
        settings: environment variables.
    """

    def __init__(self, data: Path, *arguments: str, **settings: str) -> None:
        self._data = data
        self._arguments = arguments
        self._log = data.with_name(f"up-{os.urandom(4).hex()}.log")
        self._settings = settings
        self.port = free_port()
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        ports = ("--port", str(self.port), "--flower-port", str(free_port()))
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [RERANKQ, "up", "--data", str(self._data), *ports, *self._arguments],
                env=clean_environment() | self._settings,
                cwd=self._data.parent,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            eventually(self._serves, "everything is up", seconds=90)
        except AssertionError as error:
            error.add_note(self.log())
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)

    @property
    def url(self) -> str:
        """The gateway's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def redis_url(self) -> str:
        """The address of its Redis, as it tells its user."""
        found = re.search(r"export RERANKQ_REDIS_URL=(\S+)", self.log())
        assert found
        return found[1]

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text("utf-8")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(90)

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.log()
        return "Ctrl-C stops it all" in self.log()
