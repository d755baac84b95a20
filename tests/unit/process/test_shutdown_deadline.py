"""When a worker that was asked to end is ended, and by which exit code."""

import logging
import threading
from queue import Empty, SimpleQueue

import pytest

from rerankq_worker.process import shutdown_deadline as ends
from rerankq_worker.process.shutdown_deadline import CUT_SHORT, ORDERLY, ShutdownDeadline

NEVER = 3600.0
SOON = 0.05
WAIT_SECONDS = 20.0


def watched(
    monkeypatch: pytest.MonkeyPatch, grace: float = NEVER, **seconds: float
) -> tuple[ShutdownDeadline, "SimpleQueue[int]"]:
    """An ending whose limits are never reached, but for those given; and where codes come out."""
    for name in ("settle", "haste", "farewell", "hasty_farewell"):
        monkeypatch.setattr(ends, f"{name.upper()}_SECONDS", seconds.get(name, NEVER))
    codes: SimpleQueue[int] = SimpleQueue()
    deadline = ShutdownDeadline(grace, leave=codes.put)
    deadline.watch()
    return deadline, codes


def test_a_worker_that_drained_gets_time_for_its_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its drain a worker that does not end by itself is ended, as in good order."""
    deadline, codes = watched(monkeypatch, farewell=SOON)
    deadline.asked()
    deadline.drained()
    assert codes.get(timeout=WAIT_SECONDS) == ORDERLY


def test_a_second_signal_shortens_the_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked twice, a worker takes less time for its farewell, whether drained before or after."""
    deadline, codes = watched(monkeypatch, hasty_farewell=SOON)
    deadline.asked()
    deadline.drained()
    deadline.hurried()
    assert codes.get(timeout=WAIT_SECONDS) == ORDERLY
    deadline, codes = watched(monkeypatch, hasty_farewell=SOON)
    deadline.asked()
    deadline.hurried()
    deadline.drained()
    assert codes.get(timeout=WAIT_SECONDS) == ORDERLY


def test_a_drain_that_does_not_end_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain over all its limits is ended, and the exit code says that it was in no order."""
    deadline, codes = watched(monkeypatch, grace=0, settle=SOON)
    deadline.asked()
    assert codes.get(timeout=WAIT_SECONDS) == CUT_SHORT


def test_a_late_drain_lengthens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late a drain ends, the process does not outlast what supervisors were told."""
    deadline, codes = watched(monkeypatch, grace=0, settle=SOON)
    deadline.asked()
    deadline.drained()
    assert codes.get(timeout=WAIT_SECONDS) == ORDERLY


def test_a_second_signal_cuts_a_drain_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked twice, a drain has only the time that handing back takes."""
    deadline, codes = watched(monkeypatch, haste=SOON)
    deadline.asked()
    deadline.hurried()
    assert codes.get(timeout=WAIT_SECONDS) == CUT_SHORT


def test_a_worker_that_was_not_asked_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit runs before a worker was asked to end, nor is a grace time cut."""
    deadline, codes = watched(
        monkeypatch, settle=SOON, haste=SOON, farewell=SOON, hasty_farewell=SOON
    )
    with pytest.raises(Empty):
        codes.get(timeout=4 * SOON)
    deadline.asked()
    with pytest.raises(Empty):
        codes.get(timeout=4 * SOON)


def test_a_log_that_nobody_reads_holds_no_ending_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the log is a pipe that is full, the process ends all the same."""
    monkeypatch.setattr(ends, "LAST_WORDS_SECONDS", SOON)
    read = threading.Event()

    class FullPipe(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            del record
            read.wait(WAIT_SECONDS)

    full = FullPipe()
    logging.getLogger().addHandler(full)
    try:
        deadline, codes = watched(monkeypatch, grace=0, settle=SOON)
        deadline.asked()
        assert codes.get(timeout=WAIT_SECONDS / 2) == CUT_SHORT
    finally:
        read.set()
        logging.getLogger().removeHandler(full)
