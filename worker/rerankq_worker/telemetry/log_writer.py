"""Writes lines from a thread of its own: whoever logs never waits for whoever reads.

A pipe whose reader has stopped (`less`, a full disk behind `tee`, a log shipper that hangs) takes
64 KB and then holds every writer up. On the event loop that would cost all leases in hand, and at
the end the end itself.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

MOST_LINES: Final = 10_000
"""Lines that wait to be written; those that come beyond that are counted, and dropped."""
TICK_SECONDS: Final = 1.0
FLUSH_SECONDS: Final = 1.0
_MOST_TOGETHER: Final = 500


class LogWriter:
    """A queue of lines, and the thread that writes them.

    Args:
        write: takes bytes, however long that takes.
        tick: called about every second by the thread, for lines that have their time.
    """

    def __init__(
        self, write: Callable[[bytes], object], tick: Callable[[], object] = lambda: None
    ) -> None:
        self._write = write
        self._tick = tick
        self._lines: SimpleQueue[str | threading.Event] = SimpleQueue()
        self._dropped = 0
        self._stuck = False
        threading.Thread(target=self._run, name="rerankq-log", daemon=True).start()

    def put(self, line: str) -> None:
        """Have a line written, unless too many wait for that."""
        if self._lines.qsize() < MOST_LINES:
            self._lines.put(line)
        else:
            self._dropped += 1

    def flush(self) -> None:
        """Wait until all is written, for a second; not again before anything moves."""
        if self._stuck:
            return
        written = threading.Event()
        self._lines.put(written)
        self._stuck = not written.wait(FLUSH_SECONDS)

    def _run(self) -> None:
        ticked = time.monotonic()
        while True:
            self._write_some(self._next_some())
            self._stuck = False
            if time.monotonic() - ticked >= TICK_SECONDS:
                ticked = time.monotonic()
                self._tick()

    def _next_some(self) -> list[str | threading.Event]:
        some: list[str | threading.Event] = []
        with suppress(Empty):
            some.append(self._lines.get(timeout=TICK_SECONDS))
            while len(some) < _MOST_TOGETHER:
                some.append(self._lines.get_nowait())
        return some

    def _write_some(self, some: list[str | threading.Event]) -> None:
        lines = [each for each in some if isinstance(each, str)]
        if self._dropped:
            lines.append(f"… {self._dropped:,} more lines, which nobody could take")
            self._dropped = 0
        if lines:
            # Nobody is there to be told, and the work goes on without a log.
            with suppress(OSError):
                self._write("".join(f"{each}\n" for each in lines).encode(errors="replace"))
        for each in some:
            if isinstance(each, threading.Event):
                each.set()


def write_to(descriptor: int) -> Callable[[bytes], None]:
    """A function that writes bytes to a file descriptor, all of them."""

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return write
