import json
from typing import Any

import pytest

from rerankq.client.batches.export import Row
from rerankq.client.prepared import PreparedJob
from rerankq.contract import BatchState, BatchStatus, JobError
from rerankq.errors import InvalidRequest
from rerankq_gateway.batches.note import Note
from rerankq_gateway.batches.openai import batch_object
from rerankq_gateway.batches.output import error_line, output_line, result_line, unfed_line
from rerankq_gateway.batches.request_line import CustomIds, Repeats, request_line
from rerankq_gateway.batches.window import window_seconds
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.lines import BadLine, Line

NEW = Note("file-1", "/v1/rerank", "24h")
GOOD = NEW.changed(lines=10, began=5.0)
BAD = NEW.changed(lines=2, failed=5.0, errors=({"line": 1},), faults=1)
ALL: dict[str, Any] = {"total": 10, "succeeded": 10}


def batch(state: BatchState, note: Note | None = GOOD, **fields: Any) -> BatchStatus:
    """A batch; its counts are 0 and it is sealed, unless the fields say so."""
    counts = ("total", "rejected", "existing", "succeeded", "failed", "cancelled", "expired")
    live = ("queued", "running", "scheduled", "held")
    given = dict.fromkeys((*counts, *live), 0) | {"sealed": True, "created_at": 1.0} | fields
    details = note.details() if note else {}
    return BatchStatus(id="batch-1", state=state, details=details, **given)


OPEN, RUNNING = BatchState.OPEN, BatchState.RUNNING
STATES: list[tuple[str, BatchStatus]] = [
    ("validating", batch(OPEN, NEW, sealed=False)),
    ("validating", batch(BatchState.ABANDONED, NEW, sealed=False)),
    ("failed", batch(BatchState.COMPLETED, BAD)),
    ("in_progress", batch(OPEN, sealed=False, total=5)),
    ("in_progress", batch(BatchState.ABANDONED, sealed=False, total=5, succeeded=5)),
    ("in_progress", batch(RUNNING, total=10)),
    ("in_progress", batch(BatchState.PAUSED, total=10)),
    ("in_progress", batch(OPEN, None, sealed=False)),
    ("completed", batch(BatchState.COMPLETED, **ALL)),
    ("completed", batch(BatchState.COMPLETED, None, total=1, failed=1)),
    ("cancelling", batch(BatchState.CANCELLING, total=10, cancelled_at=7.0)),
    ("cancelled", batch(BatchState.CANCELLED, total=10, cancelled=10, cancelled_at=7.0)),
    ("cancelled", batch(BatchState.CANCELLED, NEW, cancelled_at=7.0)),
    ("expired", batch(BatchState.EXPIRED, total=10, succeeded=9, expired=1)),
    ("expired", batch(BatchState.ABANDONED, total=9, succeeded=9)),
    ("expired", batch(BatchState.COMPLETED, NEW, sealed=False, deadline_at=9.0)),
]


@pytest.mark.parametrize(("status", "found"), STATES)
def test_each_state_has_openais_status(status: str, found: BatchStatus) -> None:
    """Their clients wait for one of four ends, and see the time of the one that came."""
    shown = batch_object(found)
    assert shown["status"] == status
    assert shown["object"] == "batch"
    is_over = status in {"completed", "cancelled", "expired"}
    assert (shown["output_file_id"] is not None) == (is_over and found.succeeded > 0)
    assert (shown["errors"] is not None) == (status == "failed")
    json.dumps(shown)


def test_lines_that_never_became_jobs_count_as_failed() -> None:
    """All lines of the file are in the counts, and the error file names those without a result."""
    found = batch(BatchState.EXPIRED, total=6, succeeded=4, expired=2, deadline_at=9.0)
    shown = batch_object(found)
    assert shown["request_counts"] == {"total": 10, "completed": 4, "failed": 6}
    assert shown["error_file_id"] == "file-err-batch-1"
    assert (shown["expires_at"], shown["expired_at"]) == (9, 9)


def test_a_file_with_bad_lines_has_no_requests() -> None:
    """Nothing of it was submitted, so its good lines are not in the counts."""
    shown = batch_object(batch(BatchState.ABANDONED, BAD))
    assert shown["request_counts"] == {"total": 0, "completed": 0, "failed": 0}


RESULT = b'{"job_id":"j","results":[]}'


def row(**fields: Any) -> Row:
    """A row of job j."""
    given = {"position": 3, "job_id": "j", "custom_id": "c", "state": "succeeded"}
    return Row(**{**given, "result": None, "error": None, **fields})


def test_a_ranking_is_in_the_output_file_alone() -> None:
    """As the body of an answer 200; in our own form it stands as it is stored."""
    found = row(result=RESULT)
    line = json.loads(output_line(found))
    assert (line["id"], line["custom_id"], line["error"]) == ("batch_req_j", "c", None)
    assert line["response"]["status_code"] == 200
    body = {"id": "j", "object": "rerank", "job_id": "j", "results": []}
    assert line["response"]["body"] == body
    assert error_line(found) == b""
    assert json.loads(result_line(found))["result"] == json.loads(RESULT)


@pytest.mark.parametrize(
    ("state", "code", "expected"),
    [
        ("cancelled", "cancelled", "batch_cancelled"),
        ("expired", "expired", "batch_expired"),
        (None, "result_expired", "result_expired"),
    ],
)
def test_a_job_without_an_answer_has_an_error(state: str | None, code: str, expected: str) -> None:
    """A code of OpenAI's, and no response; it is not in the output file."""
    found = row(state=state, error=JobError(code=code, message="m"))
    line = json.loads(error_line(found))
    assert (line["response"], line["error"]["code"]) == (None, expected)
    assert output_line(found) == b""
    assert json.loads(result_line(found))["error"]["code"] == code


def test_a_failed_job_has_the_answer_of_a_call() -> None:
    """The status and the body that the drop-in call would have had."""
    line = json.loads(
        error_line(row(state="failed", error=JobError(code="upstream_model", message="m")))
    )
    assert line["error"] is None
    assert line["response"]["status_code"] == 404
    assert line["response"]["body"]["error"]["code"] == "model_not_found"


def test_a_line_that_was_never_submitted_is_told() -> None:
    """By the batch's own end."""
    for is_cancelled, code in ((True, "batch_cancelled"), (False, "batch_expired")):
        line = json.loads(unfed_line("j", "c", is_cancelled=is_cancelled))
        assert (line["custom_id"], line["error"]["code"]) == ("c", code)


def prepare(draft: Any) -> PreparedJob:
    """Accepts what has documents."""
    if not draft.get("documents"):
        raise InvalidRequest("documents", "must not be empty")
    return PreparedJob(draft["job_id"], dict(draft), b"")


CHECK = request_line(prepare, job_id=lambda line: f"j-{line}", endpoint="/v1/rerank")
BODY = {"query": "q", "documents": ["a"]}


def checked(**fields: Any) -> PreparedJob | BadLine:
    """What becomes of a line with these fields."""
    line = {"custom_id": "c", "method": "POST", "url": "/v1/rerank", "body": BODY} | fields
    return CHECK(Line(7, json.dumps(line).encode()))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"custom_id": None}, "custom_id"),
        ({"custom_id": 5}, "custom_id"),
        ({"custom_id": "x" * 513}, "custom_id"),
        ({"method": "GET"}, "method"),
        ({"url": "/v1/chat/completions"}, "url"),
        ({"url": "/v2/rerank"}, "url"),
        ({"body": "x"}, "body"),
        ({"body": {"query": "q"}}, "body.documents"),
    ],
)
def test_a_bad_line_names_its_field(fields: dict[str, Any], field: str) -> None:
    """The number of the line, and the field as the line has it."""
    bad = checked(**fields)
    assert isinstance(bad, BadLine)
    assert (bad.line, bad.field) == (7, field)
    broken = CHECK(Line(2, b"{"))
    assert isinstance(broken, BadLine)
    assert broken.code == "invalid_json_line"


@pytest.mark.parametrize(
    "fields",
    [{}, {"body": BODY | {"top_n": 0, "user": None}}, {"body": BODY | {"top_k": 1}}],
)
def test_a_good_line_is_a_job(fields: dict[str, Any]) -> None:
    """Its id is that of its line; `top_n: 0` stands for all, `top_k` is `top_n`."""
    job = checked(**fields)
    assert isinstance(job, PreparedJob)
    assert job.id == "j-7"
    assert job.head.get("top_n") == fields.get("body", {}).get("top_k")


def test_a_name_that_comes_twice_is_found() -> None:
    """The second line is told which one has the name already."""
    names = CustomIds()
    for name in [*map(str, range(1000)), "7"]:
        names.add(name)
    suspects = names.repeated()
    assert len(suspects) == 1
    repeats = Repeats(suspects)
    found = [
        repeats.fault(Line(number, json.dumps({"custom_id": name}).encode()))
        for number, name in ((1, "7"), (2, "8"), (3, "7"))
    ]
    assert found[:2] == [None, None]
    assert found[2] is not None
    assert (found[2].line, found[2].code) == (3, "duplicate_custom_id")
    assert "line 1" in found[2].reason


def test_windows() -> None:
    """A number with its unit, of at most 30 days."""
    windows = {"24h": 86_400, "1d": 86_400, "90m": 5400, "30s": 30, "30d": 2_592_000}
    assert {each: window_seconds(each) for each in windows} == windows
    for wrong in ("", "24", "h", "0h", "31d", "-1h", "1.5h", 24, None):
        with pytest.raises(GatewayError) as refused:
            window_seconds(wrong)
        assert refused.value.problem.param == "completion_window"
