import json
import logging
import time

import pytest

from rerankq_worker.settings import LogFormat
from rerankq_worker.telemetry.log_lines import FIGURES, json_form, said, text_form
from rerankq_worker.telemetry.log_setup import FORMS, LineHandler

MOMENT = 1_764_500_000.25


def test_a_line_of_text_has_its_time_with_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text line has time with offset, level, lane and message."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        line = text_form("bulk")(MOMENT, logging.WARNING, "a word", None)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert line == "2025-11-30T18:53:20.250+08:00 WARNING [bulk] a word"
    assert " INFO a word" in text_form("")(MOMENT, logging.INFO, "a word", None)


def test_a_line_of_json_has_the_same_and_the_figures() -> None:
    """A JSON line is one object; figures, if any, stand in it by name."""
    line = json.loads(json_form("bulk")(MOMENT, logging.INFO, '"quoted"', {"done": 3}))
    assert line == {
        "time": "2025-11-30T10:53:20.250+00:00",
        "level": "info",
        "lane": "bulk",
        "message": '"quoted"',
        "figures": {"done": 3},
    }
    assert "figures" not in json.loads(json_form("")(MOMENT, logging.INFO, "x", None))


def test_an_error_is_named_and_not_quoted() -> None:
    """An exception is shown by type and place only: its message may hold a query."""
    with pytest.raises(ValueError, match="CANARY") as caught:
        int("CANARY")
    error = caught.type, caught.value, caught.tb
    line = said(logging.LogRecord("x", 40, "", 0, "it failed", (), error))
    assert line.startswith("it failed (ValueError at ")
    assert "CANARY" not in line


def test_a_line_is_one_line() -> None:
    """Line breaks and escape sequences in foreign text are replaced by spaces."""
    record = logging.LogRecord("x", 40, "", 0, "a\nb\x1b[2Jc\u202ed", (), None)
    assert said(record) == "a b [2Jc d"


def test_every_format_has_its_form() -> None:
    """Each value of the setting has a form."""
    assert set(FORMS) == set(LogFormat)


def test_a_record_that_cannot_be_shown_is_named() -> None:
    """A library's faulty log call becomes one line, without a traceback."""
    written: list[bytes] = []
    handler = LineHandler(text_form(""), written.append)
    handler.handle(logging.LogRecord("some.library", 40, "", 0, "%d", ("CANARY",), None))
    handler.close()
    (line,) = b"".join(written).decode().splitlines()
    assert "some.library logged a record that cannot be formatted (TypeError at " in line
    assert "CANARY" not in line


def test_lines_with_figures_are_always_shown() -> None:
    """The line each minute is always shown, even if it resembles the last one."""
    written: list[bytes] = []
    handler = LineHandler(text_form(""), written.append)
    for _ in range(2):
        record = logging.LogRecord("x", 20, "", 0, "in 60 s", (), None)
        setattr(record, FIGURES, {})
        handler.handle(record)
    handler.close()
    assert b"".join(written).count(b"in 60 s") == 2
