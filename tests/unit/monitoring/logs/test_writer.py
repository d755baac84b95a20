import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from rerankq.monitoring.logs import writer
from rerankq.monitoring.logs.writer import MOST_LINES, LogWriter, write_to


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def fill(writing: int) -> int:
    """Fill a pipe, so that the next write to it waits; returns how many bytes that took."""
    os.set_blocking(writing, False)
    taken = 0
    with suppress(BlockingIOError):
        while True:
            taken += os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    return taken


def read_until(reader: int, last: bytes) -> bytes:
    read = b""
    while last not in read:
        read += os.read(reader, 1 << 20)
    return read


def test_nobody_waits_for_a_reader_that_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that finds the queue full is dropped and counted; only the first flush waits."""
    dropped, began_to_write = 7, threading.Event()
    with pipe() as (reader, writing):
        filled = fill(writing)

        def write(data: bytes) -> None:
            began_to_write.set()
            write_to(writing)(data)

        log = LogWriter(write)
        log.put("line 0")
        # From here on the thread has taken only this line, and waits for the reader.
        assert began_to_write.wait(30)
        began = time.thread_time()
        for number in range(1, 1 + MOST_LINES + dropped):
            log.put(f"line {number}")
        assert time.thread_time() - began < 1.0
        monkeypatch.setattr(writer, "FLUSH_SECONDS", 0.1)
        log.flush()
        monkeypatch.setattr(writer, "FLUSH_SECONDS", 3600.0)
        log.flush()
        # It goes on as soon as somebody reads, and says how many lines are missing. It took lines
        # from the queue before it wrote that, so there is room for one more.
        note = f"… {dropped} more lines were dropped: the log's reader was too slow".encode()
        read = read_until(reader, note)
        log.put("the last")
        read += read_until(reader, b"the last\n")
    lines = read[filled:].splitlines()
    lines.remove(note)
    assert lines == [*(b"line %d" % number for number in range(1 + MOST_LINES)), b"the last"]


def test_a_flush_returns_when_all_is_written() -> None:
    """All lines put before a flush are written, in order, when it returns."""
    written: list[bytes] = []
    log = LogWriter(written.append)
    for number in range(1000):
        log.put(str(number))
    log.flush()
    assert b"".join(written).split() == [str(number).encode() for number in range(1000)]


def test_a_stderr_that_is_gone_stops_nobody() -> None:
    """A failed write loses only its own lines: the next lines are tried again."""
    tried: list[bytes] = []

    def write(data: bytes) -> None:
        tried.append(data)
        raise BrokenPipeError

    log = LogWriter(write)
    for line in ("one", "two \ud800"):
        log.put(line)
        log.flush()
    assert tried == [b"one\n", b"two ?\n"]


def test_it_ticks_also_when_nothing_is_written() -> None:
    """The thread calls `tick` also when no line comes."""
    ticked = threading.Event()
    LogWriter(lambda _: None, ticked.set)
    assert ticked.wait(10)
