from pathlib import Path
from typing import Any

import pytest

from rerankq import JobHandle, RerankClient, errors
from rerankq.ledger.dead import DeadLetters
from running.ledger_desk import LedgerDesk
from running.redis_server import free_port
from running.sandbox import RunningSandbox
from running.waiting import eventually
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
    """After a 429 the job waits as long as Retry-After says, and uses no attempt."""
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


def prove(client: RerankClient) -> None:
    """Let the endpoint give a ranking: before that no answer of it ends a job."""
    submitted(client).result(timeout=30)


def test_a_bad_request_fails_at_once(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """A 400 of an endpoint that ranks is permanent: one call, and the operator reads its words."""
    body = {"error": {"message": "model does not rerank", "type": "new_api_error", "code": ""}}
    with RunningWorker(redis_url, upstream.url, tmp_path), RerankClient(redis_url) as client:
        prove(client)
        upstream.set_faults({"action": {"kind": "status", "status": 400, "body": body}})
        handle = submitted(client)
        with pytest.raises(errors.JobFailed, match=r"400.*`rerankq dead show") as caught:
            handle.result(timeout=30)
    end = caught.value
    with LedgerDesk(redis_url) as desk:
        letter = desk.run(DeadLetters(desk.store).get(handle.id))
    assert "model does not rerank" in (letter.upstream_said or "")
    assert (end.reason, end.status, end.attempts) == ("upstream_refused", 400, 1)
    assert end.request_id
    assert end.request_id in str(end)
    assert upstream.stats()["requests"] == 2


@pytest.mark.parametrize(
    "action",
    [
        {"kind": "status", "status": 404, "body": {"detail": "Not Found"}},
        {"kind": "status", "status": 422, "body": {"error": "missing field `texts`"}},
        {"kind": "status", "status": 405},
    ],
    ids=lambda action: str(action["status"]),
)
def test_a_wrong_address_ends_no_job(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path, action: dict[str, Any]
) -> None:
    """An address that never ranked is taken out of use; its jobs wait, say why, and run later."""
    upstream.set_faults({"action": action})
    with RunningWorker(redis_url, upstream.url, tmp_path), RerankClient(redis_url) as client:
        handle = submitted(client)
        eventually(lambda: handle.status().last_error, "the job says why it waits", seconds=30)
        status = handle.status()
        assert status.last_error
        assert (status.attempts, status.last_error.status) == (0, action["status"])
        assert "RERANKQ_UPSTREAM_URL" in status.last_error.message
        upstream.admin("DELETE", "faults")
        assert handle.result(timeout=30).attempts == 1


def test_maintenance_ends_no_job(redis_url: str, upstream: RunningSandbox, tmp_path: Path) -> None:
    """Redirects take an endpoint that has ranked out of use; its jobs wait, and none fails."""
    away = {"kind": "status", "status": 302, "headers": {"Location": "https://else.where/"}}
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, max_attempts=1) as worker,
        RerankClient(redis_url) as client,
    ):
        prove(client)
        upstream.set_faults({"action": away})
        handles = [submitted(client) for _ in range(20)]
        eventually(lambda: "is broken now" in worker.log(), "the site is out", seconds=30)
        upstream.admin("DELETE", "faults")
        # Jobs that got the first redirects used an attempt, but none failed.
        assert {handle.result(timeout=60).attempts for handle in handles} <= {1, 2, 3}


def test_a_site_is_asked_by_its_options(
    redis_url: str, upstream: RunningSandbox, tmp_path: Path
) -> None:
    """The dialect uses its options: with one text a call, two documents are two calls."""
    with (
        RunningWorker(
            redis_url,
            f"{upstream.base}/rerank",
            tmp_path,
            dialect="tei",
            dialect_options="max_client_batch_size=1",
        ),
        RerankClient(redis_url) as client,
    ):
        assert len(submitted(client).result(timeout=30).results) == 2
    assert upstream.stats()["requests"] == 2


def test_a_job_waits_for_an_upstream_that_is_down(redis_url: str, tmp_path: Path) -> None:
    """A job for which no connection could be made uses no attempt, and says why it waits."""
    nowhere = f"http://127.0.0.1:{free_port()}/v1/rerank"
    with (
        RunningWorker(redis_url, nowhere, tmp_path, max_attempts=1, min_retry_seconds=0),
        RerankClient(redis_url) as client,
    ):
        handle = submitted(client)
        eventually(lambda: handle.status().last_error, "the job says why it waits", seconds=30)
        status = handle.status()
        assert status.last_error
        assert (status.attempts, status.state.ended) == (0, False)
        assert "cannot be reached" in status.last_error.message


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
    """An answer that cannot be trusted is never passed on; the job fails as malformed."""
    with (
        RunningWorker(redis_url, upstream.url, tmp_path, max_attempts=2, min_retry_seconds=0),
        RerankClient(redis_url) as client,
    ):
        prove(client)
        upstream.set_faults({"action": action})
        with pytest.raises(errors.JobFailed) as caught:
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
    """A call that hangs, is slow or is cut off ends within its time limit, as a failed attempt."""
    with (
        RunningWorker(
            *(redis_url, upstream.url, tmp_path),
            max_attempts=1,
            min_retry_seconds=0,
            call_seconds=1,
        ),
        RerankClient(redis_url) as client,
    ):
        prove(client)
        upstream.set_faults({"action": action})
        with pytest.raises(errors.JobFailed) as caught:
            submitted(client).result(timeout=10)
    assert caught.value.reason == "upstream_unavailable"
