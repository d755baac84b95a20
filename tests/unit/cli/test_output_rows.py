import json
from typing import Any

import pytest

from rerankq.cli.rows.rows import job_row, rejected_row
from rerankq.client import End
from rerankq.contract import (
    Document,
    JobError,
    JobState,
    RankedDocument,
    RerankResult,
    Timings,
    Usage,
)
from rerankq.errors import (
    JobCancelled,
    JobExpired,
    JobFailed,
    JobNotFound,
    ResultExpired,
    UnsupportedVersion,
)

FIELDS = ["custom_id", "job_id", "status", "results", "usage", "attempts"]


def read(row: bytes) -> dict[str, Any]:
    assert row.endswith(b"\n")
    assert row.count(b"\n") == 1
    read: dict[str, Any] = json.loads(row)
    return read


def test_a_ranking_is_written_as_it_came() -> None:
    """A succeeded line has all fields, documents if there are any, and no error."""
    result = RerankResult(
        job_id="j",
        model="m",
        results=(
            RankedDocument(index=1, relevance_score=0.5, document=Document(text="一\n二")),
            RankedDocument(index=0, relevance_score=0.25),
        ),
        usage=Usage(total_tokens=3),
        attempts=2,
        timings=Timings(waited_seconds=0, upstream_seconds=0),
    )
    row = read(job_row("j", None, JobState.SUCCEEDED, 2, result))
    assert list(row) == FIELDS
    assert (row["custom_id"], row["status"], row["attempts"]) == (None, "succeeded", 2)
    assert row["results"] == [
        {"index": 1, "relevance_score": 0.5, "document": {"text": "一\n二"}},
        {"index": 0, "relevance_score": 0.25},
    ]
    assert row["usage"]["total_tokens"] == 3


def test_a_failure_describes_the_last_call() -> None:
    """The error contains the upstream's status and request id, if they are known."""
    end = JobFailed("upstream_refused", "no", status=400, request_id="2025", attempts=2)
    assert read(job_row("j", None, JobState.FAILED, 2, end))["error"] == {
        "code": "upstream_refused",
        "message": "no",
        "status": 400,
        "request_id": "2025",
    }
    unknown = read(job_row("j", None, JobState.FAILED, 2, JobFailed("upstream_refused", "no")))
    assert unknown["error"] == {"code": "upstream_refused", "message": "no"}


@pytest.mark.parametrize(
    ("state", "end", "status", "code"),
    [
        (JobState.FAILED, JobFailed("upstream_auth", "no"), "failed", "upstream_auth"),
        (JobState.CANCELLED, JobCancelled("cancelled", "no"), "cancelled", "cancelled"),
        (JobState.EXPIRED, JobExpired("deadline_passed", "no"), "expired", "deadline_passed"),
        (JobState.SUCCEEDED, ResultExpired("no"), "failed", "result_expired"),
        (JobState.SUCCEEDED, UnsupportedVersion("", "no"), "failed", "unsupported_version"),
        (None, JobNotFound("no"), "failed", "job_not_found"),
    ],
)
def test_a_job_without_a_ranking_says_why(
    state: JobState | None, end: End, status: str, code: str
) -> None:
    """The line has the job's status and the error's stable code for each kind of end."""
    attempts = 0 if state is None else 3
    row = read(job_row("j", "c", state, attempts, end))
    assert list(row) == [*FIELDS, "error"]
    assert (row["status"], row["results"], row["custom_id"]) == (status, [], "c")
    assert row["error"] == {"code": code, "message": "no"}
    assert row["attempts"] == attempts


def test_a_bad_line_has_its_line_too() -> None:
    """A line that is no job has a failed row without a job id."""
    row = read(rejected_row("c", JobError(code="invalid_request", message="m")))
    assert list(row) == [*FIELDS, "error"]
    assert (row["job_id"], row["status"], row["attempts"]) == (None, "failed", 0)
