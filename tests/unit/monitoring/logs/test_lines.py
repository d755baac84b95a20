import json
import logging
import time

import pytest

from rerankq.contract import Lane
from rerankq.events import (
    AttemptFailed,
    CallFinished,
    CallRef,
    Event,
    JobRef,
    LedgerCallFailed,
    LedgerOperation,
    RequestFinished,
)
from rerankq.monitoring.logs.fields import FIELDS, FIGURES, about
from rerankq.monitoring.logs.handler import LineHandler
from rerankq.monitoring.logs.lines import JsonForm, Line, PrettyForm, said

MOMENT = 1_764_500_000.25
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
JOB = JobRef(
    *("j-1", Lane.BULK, "m", "b-1", "the caller's own"),
    traceparent=f"00-{TRACE}-{SPAN}-01",
    tenant="acme",
    request_id="req-1",
)
OF_THE_JOB = {
    "job_id": "j-1",
    "lane": "bulk",
    "model": "m",
    "batch_id": "b-1",
    "trace_id": TRACE,
    "span_id": SPAN,
    "tenant": "acme",
    "request_id": "req-1",
}


def record(text: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("some.logger", logging.WARNING, "", 0, text, arguments, None)
    made.created = MOMENT
    for name, value in extra.items():
        setattr(made, name, value)
    return made


def written(*records: logging.LogRecord, secrets: tuple[str, ...] = ()) -> list[dict[str, object]]:
    """What a process with a JSON log writes."""
    pieces: list[bytes] = []
    handler = LineHandler(JsonForm({"service": "worker", "lane": ""}), pieces.append, secrets)
    for each in records:
        handler.handle(each)
    handler.close()
    return [json.loads(line) for line in b"".join(pieces).splitlines()]


def test_a_line_for_people_has_its_time_with_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pretty line has time with offset, level, lane and message."""
    line = Line(logging.WARNING, "a word", "x", {"job_id": "j"})
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        shown = PrettyForm("bulk")(MOMENT, line)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert shown == "2025-11-30T18:53:20.250+08:00 WARNING [bulk] a word"
    assert " WARNING a word" in PrettyForm("")(MOMENT, line)


def test_a_line_of_json_has_named_fields() -> None:
    """A JSON line is one object: time in UTC, level, logger, message, process, and its fields."""
    (line,) = written(
        record('"quoted" %d', 3, **{FIGURES: {"done": 3}, FIELDS: {"tenant": "acme", "site": None}})
    )
    assert line == {
        "time": "2025-11-30T10:53:20.250Z",
        "level": "warning",
        "logger": "some.logger",
        "message": '"quoted" 3',
        "service": "worker",
        "tenant": "acme",
        "figures": {"done": 3},
    }


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (
            AttemptFailed(
                job=JOB,
                attempt=2,
                reason="upstream_refused",
                status=400,
                cause=None,
                request_id="theirs",
                message="quoted nowhere",
            ),
            {
                "event": "attempt.failed",
                **OF_THE_JOB,
                "attempt": 2,
                "reason": "upstream_refused",
                "status": 400,
                "upstream_request_id": "theirs",
            },
        ),
        (
            CallFinished(
                call=CallRef("j-1", 1, "m", "s", "a", "k"), seconds=0.5, outcome="dns", status=None
            ),
            {
                "event": "call.finished",
                "job_id": "j-1",
                "attempt": 1,
                "model": "m",
                "site": "s",
                "account": "a",
                "key_id": "k",
                "seconds": 0.5,
                "outcome": "dns",
                "prompt_tokens": 0,
                "total_tokens": 0,
            },
        ),
        (
            LedgerCallFailed(operation=LedgerOperation.WRITE, jobs=3, message="no answer"),
            {"event": "ledger.call_failed", "operation": "write", "jobs": 3},
        ),
        (
            RequestFinished(
                method="GET",
                route="/v1/jobs/{job_id}",
                status=200,
                seconds=0.25,
                bytes_sent=7,
                request_id="req-1",
                tenant=None,
                job_id="j-1",
                reason=None,
                traceparent=JOB.traceparent,
            ),
            {
                "event": "request.finished",
                "method": "GET",
                "route": "/v1/jobs/{job_id}",
                "status": 200,
                "seconds": 0.25,
                "bytes_sent": 7,
                "request_id": "req-1",
                "job_id": "j-1",
                "trace_id": TRACE,
                "span_id": SPAN,
            },
        ),
    ],
)
def test_an_event_is_told_by_its_measures(event: Event, fields: dict[str, object]) -> None:
    """The fields of an event's line are its measures, with the ids of job, trace and request."""
    (line,) = written(record("text", **about(event)))
    told = {name: line[name] for name in line if name not in _OF_EACH_LINE}
    assert told == fields


_OF_EACH_LINE = {"time", "level", "logger", "message", "service"}


def test_the_line_of_a_burst_names_no_job() -> None:
    """It has the event and the reason, and how many more there were."""

    def failed(number: int) -> logging.LogRecord:
        event = AttemptFailed(
            job=JOB._replace(id=f"j-{number}"),
            attempt=1,
            reason="dns",
            status=None,
            cause=None,
            request_id=None,
            message="",
        )
        return record("job %s: dns", f"j-{number}", **about(event))

    first, rest = written(*(failed(number) for number in range(9)))
    assert first["job_id"] == "j-0"
    assert rest["message"] == "… and 8 more like it in 0 s: job j-0: dns"
    assert {name: rest[name] for name in rest if name not in _OF_EACH_LINE} == {
        "event": "attempt.failed",
        "reason": "dns",
        "more": 8,
    }


def test_an_error_is_named_and_not_quoted() -> None:
    """An exception is shown by type and place only: its message may hold a query."""
    with pytest.raises(ValueError, match="CANARY") as caught:
        int("CANARY")
    error = caught.type, caught.value, caught.tb
    line = said(logging.LogRecord("x", 40, "", 0, "it failed\n", (), error))
    assert line.startswith("it failed (ValueError at ")
    assert "CANARY" not in line


def test_a_line_is_one_line() -> None:
    """Line breaks and escape sequences in foreign text are replaced by spaces."""
    assert said(record("a\nb\x1b[2Jc\u202ed")) == "a b [2Jc d"


def test_a_record_that_cannot_be_shown_is_named() -> None:
    """A library's faulty log call becomes one line, without a traceback."""
    (line,) = written(record("%d", "CANARY"))
    message = str(line["message"])
    assert "some.logger logged a record that cannot be formatted (TypeError at " in message
    assert "CANARY" not in message


def test_lines_with_figures_are_always_shown() -> None:
    """The line each minute is always shown, even if it resembles the last one."""
    assert len(written(*(record("in 60 s", **{FIGURES: {}}) for _ in range(2)))) == 2
