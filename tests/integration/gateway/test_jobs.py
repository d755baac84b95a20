"""Jobs over HTTP."""

import json
import signal
import socket
import threading
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import Job, JobState
from rerankq.ledger.payload import unpacked
from rerankq.store.keys import Keys
from running.gateway import GatewayProcess
from running.stand_in_worker import StandInWorker
from running.waiting import eventually

CANARY = "a-document-that-nobody-may-see"
JOB: dict[str, Any] = {"query": "a query", "documents": ["one", CANARY], "custom_id": "mine"}
TIMEOUT = 60


def post(gateway: GatewayProcess, job: object = JOB, **options: Any) -> requests.Response:
    return requests.post(f"{gateway.url}/v1/jobs", json=job, timeout=TIMEOUT, **options)


def get(gateway: GatewayProcess, path: str, **options: Any) -> requests.Response:
    return requests.get(f"{gateway.url}{path}", timeout=TIMEOUT, **options)


def test_a_job_is_handed_in_asked_about_and_read(gateway: GatewayProcess, redis_url: str) -> None:
    """201 with its status and Location; its result once it has ended; the client sees the same."""
    answer = post(gateway)
    assert answer.status_code == 201
    status = answer.json()
    location = answer.headers["location"]
    assert (status["state"], status["lane"], status["custom_id"]) == ("queued", "bulk", "mine")
    assert location == f"/v1/jobs/{status['id']}"
    assert "result" not in get(gateway, location).json()
    assert get(gateway, location).headers["retry-after"] == "1"
    early = get(gateway, f"{location}/result")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "job_not_ended")
    with StandInWorker(redis_url):
        ended = get(gateway, f"{location}?wait=30").json()
    assert ended["state"] == "succeeded"
    assert get(gateway, f"{location}/result").json() == ended["result"]
    with RerankClient(redis_url) as client:
        assert client.status(status["id"]).state is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("options", "status", "applied"),
    [
        ({"headers": {"Prefer": "respond-async"}}, 202, "respond-async"),
        ({"headers": {"Prefer": "respond-async, wait=0.1"}}, 202, "respond-async, wait=0.1"),
        ({"headers": {"Prefer": "handling=lenient"}}, 201, None),
        ({"params": {"wait": "0.1"}}, 202, None),
    ],
)
def test_a_preference_is_followed_and_said(
    gateway: GatewayProcess, options: dict[str, Any], status: int, applied: str | None
) -> None:
    """202 for a job that goes on, with Retry-After; what was followed is in Preference-Applied."""
    answer = post(gateway, **options)
    assert answer.status_code == status
    assert answer.headers.get("preference-applied") == applied
    assert answer.headers["retry-after"] == "1"


def test_a_caller_cannot_choose_an_id(gateway: GatewayProcess) -> None:
    """Under a known id another request would be taken for a repeat; the error names what to use."""
    answer = post(gateway, {**JOB, "job_id": "mine-1"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (422, "invalid_request", "job_id")
    assert "Idempotency-Key" in error["message"]
    assert "custom_id" in error["message"]


def test_a_wait_ends_with_the_job(gateway: GatewayProcess, redis_url: str) -> None:
    """With `wait` the answer is 200 and has the ranking, or why there is none."""
    with StandInWorker(redis_url):
        good = post(gateway, headers={"Prefer": "wait=30"})
        bad = post(gateway, {**JOB, "query": "fail"}, params={"wait": "30"})
    assert (good.status_code, good.json()["state"]) == (200, "succeeded")
    assert [each["index"] for each in good.json()["result"]["results"]] == [0, 1]
    assert (bad.status_code, bad.json()["state"]) == (200, "failed")
    assert bad.json()["error"]["code"] == "upstream_refused"
    answer = get(gateway, f"/v1/jobs/{bad.json()['id']}/result")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "upstream_refused")


@pytest.mark.parametrize("key", ["k1", '"k1"'])
def test_a_key_gives_the_same_job_again(gateway: GatewayProcess, key: str) -> None:
    """A repeat answers 200 and says so; another request with that key is refused."""
    first = post(gateway, headers={"Idempotency-Key": key})
    again = post(gateway, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    other = post(gateway, {**JOB, "query": "another"}, headers={"Idempotency-Key": key})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_conflict")
    assert other.headers["x-should-retry"] == "false"


def test_a_job_is_cancelled(gateway: GatewayProcess) -> None:
    """DELETE says the state before and after; its result is then a conflict."""
    location = post(gateway).headers["location"]
    for was in ("queued", "cancelled"):
        answer = requests.delete(f"{gateway.url}{location}", timeout=TIMEOUT)
        assert (answer.json()["was"], answer.json()["state"]) == (was, "cancelled")
    result = get(gateway, f"{location}/result")
    assert (result.status_code, result.json()["error"]["code"]) == (409, "cancelled")


@pytest.mark.parametrize(
    ("body", "headers", "status", "param"),
    [
        (b"{", {}, 400, None),
        (b"", {}, 400, None),
        (b"[]", {}, 400, None),
        (b"\xff\xfe{}", {}, 400, None),
        (b'{"query": "q"}', {}, 422, "documents"),
        (b'{"query": "", "documents": ["x"]}', {}, 422, "query"),
        (b'{"query": "q", "documents": ["x"], "top_n": 0}', {}, 422, "top_n"),
        (b'{"query": "q", "documents": ["x"], "lane": "fast"}', {}, 422, "lane"),
        (b'{"query": "q", "documents": ["\\ud800"]}', {}, 400, None),
        (b"{}", {"content-type": "multipart/form-data; boundary=x"}, 415, None),
        (b"{}", {"content-encoding": "br"}, 415, "content-encoding"),
        (b"{}", {"idempotency-key": "a b"}, 400, "idempotency-key"),
        (b"{}", {"prefer": "wait=soon"}, 400, "prefer"),
    ],
)
def test_a_bad_request_is_refused_with_its_field(
    gateway: GatewayProcess, body: bytes, headers: dict[str, str], status: int, param: str | None
) -> None:
    """Nothing is recorded, and the error names the field or header."""
    answer = requests.post(f"{gateway.url}/v1/jobs", data=body, headers=headers, timeout=TIMEOUT)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/jobs/none", 404),
        ("GET", "/v1/jobs/none?wait=5", 404),
        ("GET", "/v1/jobs/none/result", 404),
        ("DELETE", "/v1/jobs/none", 404),
        ("GET", "/v1/jobs/a%20b", 422),
        ("GET", "/v1/jobs/none?wait=-1", 422),
        ("GET", "/v1/jobs/none?wait=301", 422),
        ("PUT", "/v1/jobs/none", 405),
        ("PUT", "/v1/jobs", 405),
        ("GET", "/v1/nothing", 404),
    ],
)
def test_what_is_not_there_is_said_in_the_one_body(
    gateway: GatewayProcess, method: str, path: str, status: int
) -> None:
    """Also errors that FastAPI finds have the body of all others."""
    answer = requests.request(method, f"{gateway.url}{path}", timeout=TIMEOUT)
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "allowed"), [("/v1/jobs", "GET, HEAD, POST"), ("/v1/jobs/none", "DELETE, GET, HEAD")]
)
def test_all_methods_of_a_path_are_named(gateway: GatewayProcess, path: str, allowed: str) -> None:
    """Allow has the methods of all routes with that path, however they are served."""
    answer = requests.put(f"{gateway.url}{path}", timeout=TIMEOUT)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_a_job_has_the_id_of_its_request(gateway: GatewayProcess, redis_url: str) -> None:
    """The request's id and the caller's span are on the job."""
    span = f"00-{'1' * 32}-{'2' * 16}-01"
    answer = post(gateway, headers={"x-request-id": "r-1", "traceparent": span})
    with Redis.from_url(redis_url) as redis:
        stored = redis.get(Keys().payload(answer.json()["id"]))
    assert isinstance(stored, bytes)
    job = Job.parse(unpacked(stored))
    assert job.trace_context == {"request_id": "r-1", "traceparent": span}


def test_a_body_over_the_cap_is_refused_before_it_is_read(gateway: GatewayProcess) -> None:
    """The answer comes after the header alone."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=TIMEOUT) as raw:
        raw.sendall(
            b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
        )
        assert raw.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_many_at_once_are_all_recorded(gateway: GatewayProcess, redis_url: str) -> None:
    """Jobs that come together are recorded together, and each caller gets its own."""
    answers: list[requests.Response] = []

    def hand_in(number: int) -> None:
        answers.append(post(gateway, {**JOB, "custom_id": f"n{number}"}))

    threads = [threading.Thread(target=hand_in, args=(each,)) for each in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.status_code for each in answers} == {201}
    with RerankClient(redis_url) as client:
        named = {client.status(each.json()["id"]).custom_id for each in answers}
    assert named == {f"n{number}" for number in range(40)}


def test_no_document_is_in_an_error_or_in_the_log(gateway: GatewayProcess) -> None:
    """Neither a wrong field, nor damaged JSON, nor a conflict quotes what was sent."""
    bodies = [
        json.dumps({**JOB, "documents": [{"txt": CANARY}]}),
        json.dumps({**JOB, "query": {"x": CANARY}}),
        json.dumps({**JOB, "lane": CANARY}),
        json.dumps(JOB)[:-1],
        f'{{"query": "{CANARY}" {CANARY}}}',
    ]
    for body in bodies:
        answer = requests.post(f"{gateway.url}/v1/jobs", data=body, timeout=TIMEOUT)
        assert answer.status_code in {400, 422}
        assert CANARY not in answer.text
    assert CANARY not in gateway.log()


def test_sigterm_lets_waiters_go_with_the_way_back(tmp_path: Path, redis_url: str) -> None:
    """After the drain who still waits gets 503 with the job's Location, and the process ends."""
    settings = {"RERANKQ_GATEWAY_DRAIN_SECONDS": "0.5"}
    with GatewayProcess(tmp_path, redis_url, **settings) as gateway:
        answers: list[requests.Response] = []
        waiter = threading.Thread(
            target=lambda: answers.append(post(gateway, headers={"prefer": "wait=60"}))
        )
        waiter.start()
        with RerankClient(redis_url) as client:
            eventually(lambda: _queued(redis_url), "the job is recorded")
            assert gateway.stop(signal.SIGTERM) == 0
            waiter.join()
            (answer,) = answers
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "shutting_down")
            assert answer.headers["retry-after"]
            job_id = answer.headers["location"].rpartition("/")[2]
            assert client.status(job_id).state is JobState.QUEUED


def test_a_killed_gateway_loses_no_job(tmp_path: Path, redis_url: str) -> None:
    """A caller whose gateway died in the wait repeats with its key and gets the same job."""
    key = {"Idempotency-Key": "once", "Prefer": "wait=60"}
    with GatewayProcess(tmp_path, redis_url) as gateway:
        broken = threading.Thread(target=lambda: _broken(gateway, key))
        broken.start()
        eventually(lambda: _queued(redis_url), "the job is recorded")
        gateway.stop(signal.SIGKILL)
        broken.join()
    with GatewayProcess(tmp_path, redis_url) as gateway, StandInWorker(redis_url) as worker:
        answer = post(gateway, headers=key)
        assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
        assert worker.ended == [answer.json()["id"]]
        assert answer.headers["idempotent-replayed"] == "true"


def _queued(redis_url: str) -> int:
    with Redis.from_url(redis_url) as redis:
        return int(redis.zcard("rerankq:bulk:queued"))


def _broken(gateway: GatewayProcess, headers: dict[str, str]) -> None:
    with pytest.raises(requests.ConnectionError):
        post(gateway, headers=headers)


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("jobs", JOB, JOB | {"query": "x"}),
        ("jobs:batch", [JOB], [JOB | {"query": "x"}]),
        ("batches", {"metadata": {"a": "b"}}, {"metadata": {"a": "c"}}),
        ("rerank", JOB, JOB | {"query": "x"}),
    ],
)
def test_a_key_means_the_same_on_every_route(
    gateway: GatewayProcess, redis_url: str, redis: Redis, path: str, body: Any, other: Any
) -> None:
    """The answer says until when the key is kept, and whether it is a repeat; another gets 422."""
    headers = {"Idempotency-Key": f"key-{path}", "Content-Type": "application/json"}

    def posted(given: Any) -> requests.Response:
        return requests.post(f"{gateway.url}/v1/{path}", json=given, headers=headers, timeout=60)

    redis.zadd(Keys().last_heard, {"stand-in": (time.time() + 60) * 1000})
    with StandInWorker(redis_url):
        first = eventually(lambda: found if (found := posted(body)).ok else None, "it is served")
        again, conflict = posted(body), posted(other)
    assert "idempotent-replayed" not in first.headers
    assert (again.ok, again.headers["idempotent-replayed"]) == (True, "true")
    for each in (first, again):
        until = parsedate_to_datetime(each.headers["idempotency-key-expires"])
        assert until.timestamp() > time.time() + 3600
    found = conflict.status_code, conflict.json()["error"]["code"]
    assert found == (422, "idempotency_conflict")
