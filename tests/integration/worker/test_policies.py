from pathlib import Path
from typing import Any

import pytest

from rerankq import JobHandle, RerankClient, errors
from running.redis_server import free_port
from running.sandbox import RunningSandbox
from running.worker import RunningWorker

DOCUMENTS = ["one document", "and a second one"]


def submitted(client: RerankClient) -> JobHandle:
    return client.submit(query="a question", documents=DOCUMENTS)


def test_a_server_error_is_tried_again(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A 500 costs an attempt, and the next attempt may succeed."""
    upstream.set_faults({"times": 1, "action": {"kind": "status", "status": 500}})
    with RunningWorker(redis_url, upstream.url, tmp_path), RerankClient(redis_url) as client:
        assert submitted(client).result(timeout=30).attempts == 2


def test_throttling_uses_no_attempt(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A 429 is waited out as long as Retry-After says, and counts as no attempt."""
    action = {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}}
    upstream.set_faults({"times": 2, "action": action})
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, max_attempts=1),
        RerankClient(redis_url) as client,
    ):
        result = submitted(client).result(timeout=30)
    assert result.attempts == 1
    assert result.timings.waited_seconds >= 2
    assert upstream.stats()["requests"] == 3


def test_a_bad_request_fails_at_once(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A 400 is permanent: one call, and the vendor's words reach the user."""
    body = {"error": {"message": "model does not rerank", "type": "new_api_error", "code": ""}}
    upstream.set_faults({"action": {"kind": "status", "status": 400, "body": body}})
    with (
        RunningWorker(redis_url, upstream.url, tmp_path),
        RerankClient(redis_url) as client,
        pytest.raises(errors.JobFailed, match=r"400.*model does not rerank") as caught,
    ):
        submitted(client).result(timeout=30)
    end = caught.value
    assert (end.reason, end.status, end.attempts) == ("upstream_refused", 400, 1)
    assert end.request_id
    assert end.request_id in str(end)
    assert upstream.stats()["requests"] == 1


def test_a_site_is_asked_by_its_options(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """What is set of the dialect reaches it: one text a call is too few for two documents."""
    with (
        RunningWorker(
            redis_url,
            f"{upstream.base}/rerank",
            tmp_path,
            dialect="tei",
            dialect_options="max_client_batch_size=1",
        ),
        RerankClient(redis_url) as client,
        pytest.raises(errors.JobFailed, match="2 documents are over the 1 that TEI takes"),
    ):
        submitted(client).result(timeout=30)
    assert upstream.stats()["requests"] == 0


def test_an_upstream_that_is_down_fails_the_job_in_bounded_time(
    redis_url: str, tmp_path: Path
) -> None:
    """Attempts at an upstream that nobody serves run out, and the job says so."""
    nowhere = f"http://127.0.0.1:{free_port()}/v1/rerank"
    with (
        RunningWorker(redis_url, nowhere, tmp_path, max_attempts=2),
        RerankClient(redis_url) as client,
        pytest.raises(
            errors.JobFailed, match=r"cannot be reached: nobody listens at .* after 2 attempts"
        ) as caught,
    ):
        submitted(client).result(timeout=30)
    assert caught.value.reason == "upstream_unavailable"


@pytest.mark.parametrize(
    "action",
    [
        {"kind": "garbage"},
        {"kind": "wrong_index"},
        {"kind": "duplicate_index"},
        {"kind": "short"},
        {"kind": "nan"},
        {"kind": "foreign_documents"},
        {"kind": "ok_error"},
        {"kind": "huge", "bytes": 8 * 1024 * 1024},
    ],
    ids=lambda action: str(action["kind"]),
)
def test_a_malformed_answer_is_a_typed_failure(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path, action: dict[str, Any]
) -> None:
    """An answer that cannot be trusted is never handed on; the job fails as malformed."""
    upstream.set_faults({"action": action})
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, max_attempts=2),
        RerankClient(redis_url) as client,
        pytest.raises(errors.JobFailed) as caught,
    ):
        submitted(client).result(timeout=30)
    assert caught.value.reason == "upstream_malformed"


@pytest.mark.parametrize(
    "action",
    [{"kind": "hang"}, {"kind": "drip", "seconds_per_byte": 0.1}, {"kind": "drop"}],
    ids=lambda action: str(action["kind"]),
)
def test_a_silent_upstream_is_given_up_in_time(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path, action: dict[str, Any]
) -> None:
    """A call that hangs, drips or is cut off ends within its time limit, as a lost attempt."""
    upstream.set_faults({"action": action})
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, max_attempts=1, call_seconds=1),
        RerankClient(redis_url) as client,
        pytest.raises(errors.JobFailed) as caught,
    ):
        submitted(client).result(timeout=10)
    assert caught.value.reason == "upstream_unavailable"
