"""Many jobs in one body."""

import gzip
import json
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import JobState, Lane
from running.gateway import GatewayProcess
from running.stand_in_worker import StandInWorker
from running.waiting import eventually

CANARY = "a-document-that-nobody-may-see"
TIMEOUT = 60
NDJSON = {"content-type": "application/x-ndjson"}


def line(number: int, **given: Any) -> str:
    return json.dumps(
        {"custom_id": f"n{number}", "query": "a query", "documents": ["one", CANARY]} | given
    )


def body(count: int) -> bytes:
    return "\n".join(line(number) for number in range(1, count + 1)).encode()


def post(
    gateway: GatewayProcess, data: bytes, query: str = "", **headers: str
) -> requests.Response:
    return requests.post(
        f"{gateway.url}/v1/jobs:batch{query}",
        data=data,
        headers=NDJSON | {name.replace("_", "-"): value for name, value in headers.items()},
        timeout=TIMEOUT,
    )


def jobs_in(redis_url: str) -> int:
    with Redis.from_url(redis_url) as redis:
        return int(redis.zcard("rerankq:bulk:queued"))


FORMS = {
    "lines": (body(250), {}),
    "array": (b"[" + body(250).replace(b"\n", b",") + b"]", {"content_type": "application/json"}),
    "gzip": (gzip.compress(body(250)), {"content_encoding": "gzip"}),
    "of-openai": (
        b"\n".join(
            json.dumps(
                {
                    "custom_id": f"n{number}",
                    "method": "POST",
                    "url": "/v1/rerank",
                    "body": {"query": "q", "documents": ["one", "two"]},
                }
            ).encode()
            for number in range(1, 251)
        ),
        {},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_many_jobs_become_a_batch(gateway: GatewayProcess, redis_url: str, form: str) -> None:
    """In each form of body: 202 with the batch, in the order of the lines."""
    data, headers = FORMS[form]
    answer = post(gateway, data, **headers)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["accepted"], told["rejected"], told["errors"]) == (250, 0, [])
    assert answer.headers["location"] == f"/v1/batches/{told['batch']}"
    with StandInWorker(redis_url), RerankClient(redis_url) as client:
        results = list(client.batch(told["batch"]).results(in_order=True, timeout=60))
    assert [each.custom_id for each in results] == [f"n{number}" for number in range(1, 251)]


def test_bad_lines_are_told_and_nothing_is_submitted(
    gateway: GatewayProcess, redis_url: str
) -> None:
    """Each with its line, field and reason, and without its value; the first hundred of them."""
    bad = ["{", line(3, documents=[]), line(4, query={"x": CANARY}), "[1]"] + ["{}"] * 150
    answer = post(gateway, "\n".join([line(1), *bad]).encode())
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_lines")
    errors = answer.json()["errors"]
    assert [(each["line"], each["field"]) for each in errors[:4]] == [
        (2, ""),
        (3, "documents"),
        (4, "query"),
        (5, ""),
    ]
    assert errors[1]["custom_id"] == "n3"
    assert (len(errors), answer.json()["rejected"]) == (100, 154)
    assert CANARY not in answer.text + gateway.log()
    assert jobs_in(redis_url) == 0


def test_with_partial_the_good_lines_are_submitted(gateway: GatewayProcess, redis_url: str) -> None:
    """Bad lines keep their place in the batch, as entries that say what is wrong."""
    data = "\n".join([line(1), "{}", line(3), "x"]).encode()
    told = post(gateway, data, "?partial=true&lane=interactive&deadline=600").json()
    assert (told["accepted"], told["rejected"]) == (2, 2)
    assert [each["line"] for each in told["errors"]] == [2, 4]
    with RerankClient(redis_url) as client:
        status = client.batch(told["batch"]).status()
        assert (status.total, status.rejected, status.sealed) == (4, 2, True)
        assert status.deadline_at is not None
        with StandInWorker(redis_url):
            results = list(client.batch(told["batch"]).results(in_order=True, timeout=60))
        assert client.status(str(results[0].job_id)).lane is Lane.INTERACTIVE
    assert [each.job_id is None for each in results] == [False, True, False, True]


def test_a_repeat_with_a_key_is_the_same_batch(gateway: GatewayProcess, redis_url: str) -> None:
    """The same answer, and no job twice; another body or lane with the key is refused."""
    data = "\n".join([line(1), "{}", line(3)]).encode()
    answers = [post(gateway, data, "?partial=true", idempotency_key='"k"') for _ in range(3)]
    assert {each.status_code for each in answers} == {202}
    assert len({each.text for each in answers}) == 1
    assert [each.headers.get("idempotent-replayed") for each in answers] == [None, "true", "true"]
    other = post(gateway, data + b"\n", "?partial=true", idempotency_key="k")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_conflict")
    elsewhere = post(gateway, data, "?partial=true&lane=interactive", idempotency_key="k")
    assert elsewhere.json()["error"]["code"] == "idempotency_conflict"
    assert jobs_in(redis_url) == 2


def test_a_line_with_the_key_of_another_request_is_rejected(
    gateway: GatewayProcess, redis_url: str
) -> None:
    """Lines may have keys of their own: the same job joins, another request is no job.

    A repeat of the upload says so again: its caller may have got no answer.
    """
    data = "\n".join(
        [
            line(1, idempotency_key="k"),
            line(1, idempotency_key="k"),
            line(3, idempotency_key="k", query="other"),
        ]
    ).encode()
    first, again = (post(gateway, data, idempotency_key="all") for _ in range(2))
    assert again.headers["idempotent-replayed"] == "true"
    for told in (first.json(), again.json()):
        assert (told["accepted"], told["rejected"]) == (2, 1)
        assert [(each["line"], each["code"]) for each in told["errors"]] == [
            (3, "idempotency_conflict")
        ]
    assert first.json() == again.json()
    assert jobs_in(redis_url) == 1


@pytest.mark.parametrize(
    ("data", "query", "headers", "status"),
    [
        (b"", "", {}, 422),
        (b"\n \n", "", {}, 422),
        (b"[]", "", {}, 422),
        (b"[{}", "", {}, 422),
        (body(1), "?partial=perhaps", {}, 422),
        (body(1), "?lane=fast", {}, 422),
        (body(1), "?deadline=-1", {}, 422),
        (body(1), "", {"content_type": "application/x-www-form-urlencoded"}, 415),
        (body(1), "", {"content_type": "multipart/form-data; boundary=x"}, 415),
        (body(1), "", {"content_encoding": "gzip"}, 400),
        (body(1), "", {"idempotency_key": "a b"}, 400),
    ],
)
def test_a_bad_upload_is_refused(
    gateway: GatewayProcess,
    redis_url: str,
    data: bytes,
    query: str,
    headers: dict[str, str],
    status: int,
) -> None:
    """By its form, its options or its headers; nothing is submitted."""
    answer = post(gateway, data, query, **headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert jobs_in(redis_url) == 0


def test_a_wrong_deadline_is_told_the_longest(gateway: GatewayProcess) -> None:
    """As a number that people write."""
    assert "at most 2,592,000" in post(gateway, body(1), "?deadline=x").json()["message"]


def test_a_gateway_that_is_killed_in_an_upload_loses_and_doubles_nothing(
    tmp_path: Path, redis_url: str
) -> None:
    """Killed while it reads nothing is submitted; killed while it submits, a repeat goes on."""
    count = 3000
    data = body(count)
    with (
        GatewayProcess(tmp_path, redis_url) as gateway,
        socket.create_connection(("127.0.0.1", gateway.port), timeout=TIMEOUT) as raw,
    ):
        raw.sendall(
            b"POST /v1/jobs:batch HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\n"
            b"Content-Type: application/x-ndjson\r\n"
            b"Content-Length: " + str(len(data)).encode() + b"\r\n\r\n" + data[:-1]
        )
        gateway.stop(signal.SIGKILL)
    assert jobs_in(redis_url) == 0
    with GatewayProcess(tmp_path, redis_url) as gateway:
        broken = threading.Thread(target=lambda: _broken(gateway, data))
        broken.start()
        eventually(lambda: jobs_in(redis_url) > 100, "jobs are being submitted")
        gateway.stop(signal.SIGKILL)
        broken.join()
    assert 0 < jobs_in(redis_url) < count
    with GatewayProcess(tmp_path, redis_url) as gateway:
        early = post(gateway, data, idempotency_key="k")
        assert (early.status_code, early.json()["error"]["code"]) == (409, "upload_under_way")
        assert early.headers["retry-after"] == "10"
        answer = eventually(lambda: _taken(gateway, data), "the repeat is taken")
    told = answer.json()
    assert (told["accepted"], told["rejected"]) == (count, 0)
    assert jobs_in(redis_url) == count
    with RerankClient(redis_url) as client:
        status = client.batch(told["batch"]).status()
        assert (status.total, status.sealed) == (count, True)
        states = [each.state for each in client.batch(told["batch"]).results(wait=False)]
        assert JobState.FAILED not in states


def _broken(gateway: GatewayProcess, data: bytes) -> None:
    with pytest.raises(requests.ConnectionError):
        post(gateway, data, idempotency_key="k")


def _taken(gateway: GatewayProcess, data: bytes) -> requests.Response | None:
    answer = post(gateway, data, idempotency_key="k")
    return answer if answer.status_code == 202 else None


def test_a_full_lane_says_where_the_upload_stopped(tmp_path: Path, redis_url: str) -> None:
    """503 with the batch and the next line, so that the caller knows what was taken."""
    settings = {"RERANKQ_MAX_QUEUE_DEPTH": "150"}
    with GatewayProcess(tmp_path, redis_url, **settings) as gateway:
        answer = post(gateway, body(300), idempotency_key="k")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_full")
        assert answer.json()["line"] == 151
        assert jobs_in(redis_url) == 150
