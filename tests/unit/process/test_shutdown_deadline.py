"""When a worker that was asked to shut down is ended, and with which exit code."""

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
    """A deadline with only these limits, in seconds, and a queue that gets the exit code."""
    for name in ("settle", "haste", "farewell", "hasty_farewell"):
        monkeypatch.setattr(ends, f"{name.upper()}_SECONDS", seconds.get(name, NEVER))
    codes: SimpleQueue[int] = SimpleQueue()
    deadline = ShutdownDeadline(grace, leave=codes.put)
    deadline.watch()
    return deadline, codes


def test_a_worker_that_drained_gets_time_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its drain a worker that does not end by itself is ended, with exit code 0."""
    deadline, codes = watched(monkeypatch, farewell=SOON)
    deadline.asked()
    deadline.drained()
    assert codes.get(timeout=WAIT_SECONDS) == ORDERLY


def test_a_second_signal_shortens_the_time_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second signal a worker has less time to end, before and after its drain."""
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
    """A drain that exceeds all its limits is ended, and the exit code shows it."""
    deadline, codes = watched(monkeypatch, grace=0, settle=SOON)
    deadline.asked()
    assert codes.get(timeout=WAIT_SECONDS) == CUT_SHORT


def test_a_late_drain_lengthens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if a drain ends late, the process ends within the documented time."""
    deadline, codes = watched(monkeypatch, grace=0, settle=SOON)
    deadline.asked()
    deadline.drained()
    assert codes.get(timeout=WAIT_SECONDS) == ORDERLY


def test_a_second_signal_cuts_a_drain_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second signal a drain has only the time to give jobs back."""
    deadline, codes = watched(monkeypatch, haste=SOON)
    deadline.asked()
    deadline.hurried()
    assert codes.get(timeout=WAIT_SECONDS) == CUT_SHORT


def test_no_limit_runs_before_shutdown_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit runs before a worker is asked to shut down, and the grace time is not shortened."""
    deadline, codes = watched(
        monkeypatch, settle=SOON, haste=SOON, farewell=SOON, hasty_farewell=SOON
    )
    with pytest.raises(Empty):
        codes.get(timeout=4 * SOON)
    deadline.asked()
    with pytest.raises(Empty):
        codes.get(timeout=4 * SOON)


def test_a_log_that_nobody_reads_does_not_delay_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends even if its log is a full pipe."""
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
