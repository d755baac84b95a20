"""How ends are encoded: Celery's own result backend can read them."""

import json
import pickle
from typing import Any

import pytest
from celery import Celery

from rerankq.contract import RankedDocument, RerankResult, Timings
from rerankq.errors import (
    JobCancelled,
    JobEnded,
    JobExpired,
    JobFailed,
    UnsupportedVersion,
)
from rerankq.ledger import outcomes
from running.keys import KEYS

HEAD = (
    b'{"task_id":"j","date_done":"2026-01-01T00:00:00.000000+00:00","traceback":null,"children":[],'
)
RESULT = RerankResult(
    job_id="j",
    model="m",
    results=(RankedDocument(index=0, relevance_score=0.5),),
    attempts=1,
    timings=Timings(waited_seconds=0.1, upstream_seconds=0.2),
)


def celery_meta(outcome: bytes) -> dict[str, Any]:
    """A stored result as Celery's backend decodes it."""
    backend = Celery("any", set_as_current=False, backend="cache+memory://").backend
    meta: dict[str, Any] = backend.decode_result(HEAD + outcome)
    return meta


@pytest.mark.parametrize("kind", [JobFailed, JobCancelled, JobExpired])
def test_celery_rebuilds_our_error(kind: type[JobEnded]) -> None:
    """Celery's backend turns a failure into rerankq's exception, with reason and message."""
    meta = celery_meta(outcomes.failure(kind("upstream_auth", 'said "no"\n感冒')))
    error = meta["result"]
    assert type(error) is kind
    assert (error.reason, error.message) == ("upstream_auth", 'said "no"\n感冒')
    assert meta["status"] == "FAILURE"


def test_a_kind_of_an_end_is_written_as_that_end() -> None:
    """A subclass of an end, whose name no reader knows, is read as that end."""

    class OutOfPatience(JobExpired):
        """A subclass that only this test knows."""

    stored = HEAD + outcomes.failure(OutOfPatience("deadline_passed", "late"))
    assert type(outcomes.decode(stored)) is JobExpired


def test_celery_reads_our_result() -> None:
    """Celery's backend reads a success as the result's JSON object."""
    meta = celery_meta(outcomes.success(RESULT.encode()))
    assert meta["status"] == "SUCCESS"
    assert RerankResult.parse(meta["result"]) == RESULT


def test_success_is_read_back() -> None:
    """A success is read back as the result that was written."""
    assert outcomes.decode(HEAD + outcomes.success(RESULT.encode())) == RESULT


@pytest.mark.parametrize("kind", [JobFailed, JobCancelled, JobExpired])
def test_failure_is_read_back(kind: type[JobEnded]) -> None:
    """A failure is read back as the error that was written."""
    again = outcomes.decode(HEAD + outcomes.failure(kind("a_reason", "a message")))
    assert type(again) is kind
    assert again.args == ("a_reason", "a message")


def test_the_last_call_is_read_back() -> None:
    """Status, request id and attempts are read back; Celery ignores them."""
    outcome = outcomes.failure(JobFailed("r", "m", status=400, request_id="2025", attempts=2))
    again = pickle.loads(pickle.dumps(outcomes.decode(HEAD + outcome)))  # noqa: S301  our own
    assert isinstance(again, JobFailed)
    assert (again.status, again.request_id, again.attempts) == (400, "2025", 2)
    assert celery_meta(outcome)["result"].args == ("r", "m")


def test_a_failure_of_an_older_version_is_read() -> None:
    """A result of an older version, without these fields, is read."""
    told = b'"exc_type":"JobFailed","exc_module":"rerankq.errors","exc_message":["r","m"]'
    again = outcomes.decode(HEAD + b'"status":"FAILURE","result":{' + told + b"}}")
    assert isinstance(again, JobFailed)
    assert (again.args, again.status, again.request_id) == (("r", "m"), None, None)


@pytest.mark.parametrize(
    "upstream", [{"status": "no number", "request_id": 7, "attempts": True}, [], "", 7, None]
)
def test_damaged_fields_of_the_last_call_are_ignored(upstream: Any) -> None:
    """Fields of the last call that have a wrong type, as in a damaged result, are ignored."""
    outcome = outcomes.failure(JobFailed("a_reason", "a message", status=400))
    meta = json.loads(HEAD + outcome)
    meta["result"]["upstream"] = upstream
    end = outcomes.end_from(json.dumps(meta).encode())
    assert isinstance(end, JobFailed)
    assert (end.status, end.request_id, end.attempts) == (None, None, None)


def test_unknown_kind_of_end_is_a_failure() -> None:
    """An end that only a newer version knows is a failure with its reason, not a crash."""
    outcome = outcomes.failure(JobFailed("new", "newer")).replace(b"JobFailed", b"JobPaused")
    again = outcomes.decode(HEAD + outcome)
    assert type(again) is JobFailed
    assert again.args == ("new", "newer")


def test_result_of_another_major_version_is_refused() -> None:
    """A result that was written under another major version is refused by name."""
    outcome = outcomes.success(RESULT.encode()).replace(b'"version":"1.', b'"version":"2.')
    with pytest.raises(UnsupportedVersion, match=r"2\.\d"):
        outcomes.decode(HEAD + outcome)


def test_result_key_is_celerys_own() -> None:
    """A result lies where Celery's Redis backend looks for it."""
    backend: Any = Celery("any", set_as_current=False, backend="redis://").backend
    assert KEYS.result("j").encode() == backend.get_key_for_task("j")


def test_head_and_outcome_make_one_json_object() -> None:
    """Head and outcome make one JSON object."""
    assert json.loads(HEAD + outcomes.success(RESULT.encode()))["task_id"] == "j"
