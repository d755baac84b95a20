import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from select import select

import pytest

from rerankq_worker.telemetry import log_writer
from rerankq_worker.telemetry.log_writer import MOST_LINES, LogWriter, write_to
from running.waiting import eventually


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def read_until(reader: int, last: bytes) -> bytes:
    read = b""
    while last not in read:
        read += os.read(reader, 1 << 20)
    return read


def test_nobody_waits_for_a_reader_that_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines beyond what a pipe and the queue take are counted; a flush waits a while, once."""
    with pipe() as (reader, writing):
        log = LogWriter(write_to(writing))
        began = time.process_time()
        for number in range(2 * MOST_LINES):
            log.put(f"line {number} {'x' * 100}")
        assert time.process_time() - began < 1.0
        eventually(lambda: not select([], [writing], [], 0)[1], "the pipe is full")
        monkeypatch.setattr(log_writer, "FLUSH_SECONDS", 0.1)
        log.flush()
        monkeypatch.setattr(log_writer, "FLUSH_SECONDS", 3600.0)
        log.flush()
        # It goes on as soon as somebody reads, and says what is missing.
        read = read_until(reader, b"more lines, which nobody could take\n")
        log.put("the last")
        read += read_until(reader, b"the last\n")
    assert read.startswith(b"line 0 xxx")
    missing = sum(
        int(each.replace(b",", b"")) for each in re.findall(rb"([\d,]+) more lines", read)
    )
    assert 0 < missing <= 2 * MOST_LINES - read.count(b"line ")


def test_a_flush_returns_when_all_is_written() -> None:
    """What was put before a flush is written after it, in order."""
    written: list[bytes] = []
    log = LogWriter(written.append)
    for number in range(1000):
        log.put(str(number))
    log.flush()
    assert b"".join(written).split() == [str(number).encode() for number in range(1000)]


def test_a_stderr_that_is_gone_stops_nobody() -> None:
    """A write that fails loses its lines, and the ones after it are tried."""
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
    """Lines that have their time come from the thread itself."""
    ticked = threading.Event()
    LogWriter(lambda _: None, ticked.set)
    assert ticked.wait(10)
