"""A child process: started with a log, stopped in an orderly way, and watched."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rerankq.cli.failures import CommandError
from rerankq.cli.terminal import printable

GRACE_SECONDS: Final = 15.0
POLL_SECONDS: Final = 0.05
TAIL_LINES: Final = 5


class Child:
    """A running process.

    Attributes:
        name: its name in messages.
        log: the file with its output.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    def check(self) -> None:
        """Check that it still runs.

        Raises:
            CommandError: it has ended; the message has the last lines of its log.
        """
        code = self._process.poll()
        if code is not None:
            lines = [printable(line) for line in self.text().splitlines() if line.strip()]
            said = " | ".join(lines[-TAIL_LINES:]) or "nothing"
            raise CommandError(f"the {self.name} ended with code {code}; end of its log: {said}")

    def text(self) -> str:
        """Its output so far."""
        return self.log.read_text("utf-8", errors="replace")

    def stop(self) -> None:
        """Send SIGTERM and wait; if it does not end in time, or at Ctrl-C, send SIGKILL."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
        except KeyboardInterrupt:
            self._kill()
            raise

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()


@contextmanager
def running(
    name: str, arguments: Iterable[str], environment: Mapping[str, str], folder: Path
) -> Iterator[Child]:
    """Run Python with arguments until the end of the context."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  this interpreter
            [sys.executable, *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C must not reach it: this process stops its children in order.
            start_new_session=True,
        )
    child = Child(name, process, log)
    try:
        yield child
    finally:
        child.stop()


def await_ready(child: Child, ready: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until the child is ready.

    Raises:
        CommandError: it has ended, or is not ready in time.
    """
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        child.check()
        if ready():
            return
        time.sleep(POLL_SECONDS)
    raise CommandError(f"the {child.name} is not ready after {seconds:g} seconds")
