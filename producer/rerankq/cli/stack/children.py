"""A child process: started with its output read, stopped in an orderly way, and watched."""

import contextlib
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Final

from rerankq.cli.failures import CommandError, OutputClosed, OutputFailed
from rerankq.cli.stack.guard import Guard
from rerankq.cli.terminal import printable

POLL_SECONDS: Final = 0.05
TAIL_LINES: Final = 5
LONGEST_LINE: Final = 64 * 1024
_LAST_WORDS_SECONDS: Final = 1.0

Echo = Callable[[str, str], None]
"""Shows a line of a child, by the child's name."""


class Child:
    """A running process.

    Args:
        name: its name in messages.
        process: the process.
        echo: shows each line of its output.
        grace: seconds that it may take to end.
    """

    def __init__(
        self, name: str, process: subprocess.Popen[bytes], echo: Echo | None, grace: float
    ) -> None:
        self.name = name
        self._process = process
        self._echo = echo
        self._grace = grace
        self._unshown: Exception | None = None
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._reader = threading.Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def check(self) -> None:
        """Check that it still runs, and that its output can be shown.

        Raises:
            CommandError: it has ended; the message has the last lines of its output.
            OutputClosed, OutputFailed: stdout cannot be written any more.
        """
        code = self._process.poll()
        if code is not None:
            self._reader.join(_LAST_WORDS_SECONDS)
            said = " | ".join(self._tail) or "nothing"
            raise CommandError(f"the {self.name} ended with code {code}; end of its log: {said}")
        if self._unshown:
            raise self._unshown

    def stop(self) -> None:
        """Send SIGTERM and wait; if it does not end in time, or at Ctrl-C, send SIGKILL."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(self._grace)
            except subprocess.TimeoutExpired:
                self._kill()
            except KeyboardInterrupt:
                self._kill()
                raise
        # A process of its own that it has left running may keep the pipe open.
        self._reader.join(_LAST_WORDS_SECONDS)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        output = self._process.stdout
        for line in _lines(output) if output else ():
            if line.strip():
                self._tail.append(printable(line))
            # Read on also when nobody sees it: the child would stop at a full pipe.
            if self._echo and not self._unshown:
                try:
                    self._echo(self.name, line)
                except (OutputClosed, OutputFailed) as error:
                    self._unshown = error


def _lines(output: IO[bytes]) -> Iterator[str]:
    for raw in iter(lambda: output.readline(LONGEST_LINE), b""):
        yield raw.decode("utf-8", errors="replace").rstrip("\r\n")


@contextmanager
def running(
    name: str,
    command: Iterable[str],
    environment: Mapping[str, str],
    guard: Guard,
    *,
    echo: Echo | None,
    grace: float,
) -> Iterator[Child]:
    """Run a command until the end of the context."""
    process = subprocess.Popen(  # noqa: S603  a part of rerankq, or Prometheus
        [*command],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Ctrl-C must not reach it: this process stops its children in order.
        start_new_session=True,
    )
    guard.began(process.pid)
    child = Child(name, process, echo, grace)
    try:
        yield child
    finally:
        child.stop()
        guard.ended(process.pid)


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
