"""`rerankq gateway` in processes of its own, for tests that speak HTTP to it."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Self

from running.command import RERANKQ
from running.waiting import eventually
from running.worker import clean_environment


class GatewayProcess:
    """Serves between `with` and its end.

    Args:
        folder: where its log lies.
        redis_url: the ledger.
        arguments: more words of its command line.
        settings: environment variables.
    """

    def __init__(self, folder: Path, redis_url: str, *arguments: str, **settings: str) -> None:
        self._log = folder / f"gateway-{os.urandom(4).hex()}.log"
        self._arguments = arguments
        self._settings = {"RERANKQ_REDIS_URL": redis_url, **settings}
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [RERANKQ, "gateway", "--port", "0", *self._arguments],
                env=clean_environment() | self._settings,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            found = eventually(
                lambda: re.search(r"listening on https?://\S+?:(\d+)", self.log()),
                "the gateway listens",
                seconds=60,
            )
        except AssertionError as error:
            self.__exit__()
            error.add_note(self.log())
            raise
        self.port = int(found[1])
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.stop(signal.SIGKILL)

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text("utf-8")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; returns its exit code."""
        assert self.process
        process, self.process = self.process, None
        process.send_signal(number)
        return process.wait(60)
