"""Writes log lines in a thread of its own, so that logging never waits for the log's reader.

A pipe whose reader has stopped (`less`, a full disk behind `tee`, a log shipper that hangs) takes
64 KB and then blocks every write. A blocked event loop would lose all leases of the worker, and
could not even shut down.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

MOST_LINES: Final = 10_000
"""How many lines may wait to be written; further ones are dropped and counted."""
TICK_SECONDS: Final = 1.0
FLUSH_SECONDS: Final = 1.0
_MOST_TOGETHER: Final = 500
_MOST_BYTES: Final = 4096
"""A pipe takes so much in one piece. More could be mixed with the lines of another process that
writes to the same log."""


class LogWriter:
    """A queue of lines, and the thread that writes them.

    Args:
        write: writes bytes; it may block.
        tick: called by the thread about once a second, for lines that are due.
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
        """Queue a line; drop it if too many wait."""
        if self._lines.qsize() < MOST_LINES:
            self._lines.put(line)
        else:
            self._dropped += 1

    def flush(self) -> None:
        """Wait up to a second until all is written; after a time-out, not before a write ended."""
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
            lines.append(
                f"… {self._dropped:,} more lines were dropped: the log's reader was too slow"
            )
            self._dropped = 0
        for piece in _pieces(lines):
            # The log cannot be written, and nobody can be told: the work goes on without it.
            with suppress(OSError):
                self._write(piece)
        for each in some:
            if isinstance(each, threading.Event):
                each.set()


def _pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """Whole lines together, as much as a pipe takes in one piece."""
    piece = b""
    for each in lines:
        line = each.encode(errors="replace") + b"\n"
        if piece and len(piece) + len(line) > _MOST_BYTES:
            yield piece
            piece = b""
        piece += line
    if piece:
        yield piece


def write_to(descriptor: int) -> Callable[[bytes], None]:
    """A function that writes bytes to a file descriptor, all of them."""

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return write
