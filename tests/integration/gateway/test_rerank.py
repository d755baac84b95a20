"""Drop-in rerank calls over HTTP: answered, refused, withdrawn."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from rerankq import RerankClient
from rerankq.accounts.accounts import Accounts, Limits, Report
from rerankq.contract import Job, JobState
from rerankq.errors import JobFailed
from rerankq.store.keys import Keys
from rerankq.store.store import Store
from rerankq_gateway.rerank.admission import MOST_TRIALS
from running.gateway import GatewayProcess
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.stand_in_worker import StandInWorker, ranked
from running.waiting import eventually, lasting
from running.worker import RunningWorker

QUERY, DOCUMENT = "a-private-query", "a-private-document"
BODY: dict[str, Any] = {"query": QUERY, "documents": [DOCUMENT, "another"]}


@pytest.fixture(scope="module")
def running(
    _redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway that these tests share."""
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), _redis.url) as made:
        yield made


@pytest.fixture
def gateway(running: GatewayProcess, redis_url: str) -> GatewayProcess:
    """The gateway, with an empty ledger in which a worker was heard of."""
    attend(redis_url)
    return running


def attend(redis_url: str) -> None:
    """Let a worker have been heard of, for the next minute."""
    with Redis.from_url(redis_url) as redis:
        redis.zadd(Keys().last_heard, {"stand-in": (time.time() + 60) * 1000})


def post(gateway: GatewayProcess, path: str = "/v1/rerank", **given: Any) -> requests.Response:
    """A call."""
    given.setdefault("json", BODY)
    return requests.post(f"{gateway.url}{path}", timeout=30, **given)


def jobs_in(redis_url: str) -> list[str]:
    """The ids of all jobs."""
    family = Keys().job
    with Redis.from_url(redis_url) as redis:
        return [family.name_of(each.decode()) for each in redis.scan_iter(family("*"))]


def test_the_samples_of_users_work_with_another_address(tmp_path: Path, redis_url: str) -> None:
    """A key is taken bare, as the upstream's own sample sends it, and as `Bearer`."""
    with (
        RunningSandbox() as upstream,
        RunningWorker(redis_url, upstream.url, tmp_path, lane="interactive"),
        GatewayProcess(tmp_path, redis_url) as gateway,
    ):
        body = {
            "model": "qwen3-reranker-8b",
            "query": "如何预防感冒",
            "documents": ["今天股市大涨", "预防感冒应勤洗手、戴口罩"],
        }
        eventually(lambda: post(gateway, json=body).status_code == 200, "a worker serves")
        for key in ("sk-a-bare-key", "Bearer sk-key"):
            headers = {"Authorization": key, "Content-Type": "application/json"}
            answer = post(gateway, data=json.dumps(body), json=None, headers=headers)
            found = answer.json()
            assert answer.status_code == 200
            assert [each["index"] for each in found["results"]] == [1, 0]
            assert found["results"][0]["document"]["text"] == body["documents"][1]
            assert found["usage"]["total_tokens"] > 0


def test_routes_answer_in_their_form(gateway: GatewayProcess, redis_url: str) -> None:
    """Each route answers, also to a body without a content type, and with its request's id."""
    with StandInWorker(redis_url):
        for path in ("/v1/rerank", "/v2/rerank", "/rerank"):
            assert [each["index"] for each in post(gateway, path).json()["results"]] == [0, 1]
        tei = post(gateway, "/rerank", json={"query": "q", "texts": ["a", "b"]}).json()
        assert [each["index"] for each in tei] == [0, 1]
        pairs = {"text_1": ["a", "b", "c"], "text_2": ["d", "e", "f"]}
        scored = post(gateway, "/score", json=pairs).json()["data"]
        assert [each["index"] for each in scored] == [0, 1, 2]
        data = b"\xef\xbb\xbf" + json.dumps(BODY).encode()
        answer = post(gateway, data=data, json=None, headers={"X-Request-Id": "mine"})
        assert (answer.status_code, answer.headers["x-request-id"]) == (200, "mine")
        job_id = answer.headers["x-rerankq-job-id"]
        assert answer.json()["id"] == job_id
        with Redis.from_url(redis_url) as redis:
            # Kept for a minute, not for a day: nobody asks for it again.
            assert 0 < redis.pttl(Keys().result(job_id)) <= 60_000
    assert requests.post(f"{gateway.url}/v1/check-api-key", timeout=30).json() == {"valid": True}
    assert requests.get(f"{gateway.url}/v1/models", timeout=30).json()["data"][0]["id"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_json"),
        (b'"text"', {}, 422, "invalid_request"),
        (b'{"query": "\\ud800", "documents": ["a"]}', {}, 400, "invalid_json"),
        (json.dumps({"query": QUERY, "documents": [DOCUMENT, ""]}), {}, 422, "invalid_request"),
        (json.dumps(BODY | {"top_n": -1}), {}, 422, "invalid_request"),
        (json.dumps(BODY), {"Content-Type": "multipart/form-data"}, 415, "unsupported_media_type"),
        (json.dumps(BODY), {"x-rerankq-timeout": "soon"}, 400, "invalid_header"),
        (json.dumps(BODY), {"Idempotency-Key": ""}, 400, "invalid_header"),
    ],
)
def test_bad_calls_are_told_what_is_wrong(
    gateway: GatewayProcess, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    """A call that cannot be served is refused, and nothing that it holds is quoted."""
    answer = post(gateway, json=None, data=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["x-should-retry"] == "false"
    for text in (answer.text, gateway.log()):
        assert QUERY not in text
        assert DOCUMENT not in text
        assert "Traceback" not in text


@pytest.mark.parametrize(
    ("reason", "status"),
    [("upstream_refused", 422), ("upstream_throttled", 429), ("upstream_auth", 503)],
)
def test_a_job_that_fails_has_its_status(
    gateway: GatewayProcess, redis_url: str, reason: str, status: int
) -> None:
    """The error of a job that failed becomes a status; TEI's clients get it in their form."""
    with StandInWorker(redis_url, decide=lambda _: JobFailed(reason, "why")):
        answer = post(gateway)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, reason)
        tei = post(gateway, "/rerank", json={"query": "q", "texts": ["a"]})
        assert (tei.status_code, tei.json()["error"]) == (status, "why")


def test_a_key_joins_the_earlier_call(gateway: GatewayProcess, redis_url: str) -> None:
    """Under an idempotency key there is one job; another request under it is refused."""
    headers = {"Idempotency-Key": '"mine"'}
    with StandInWorker(redis_url), ThreadPoolExecutor() as pool:
        calls = [pool.submit(post, gateway, headers=headers) for _ in range(8)]
        answers = [each.result() for each in calls]
        assert {each.json()["id"] for each in answers} == set(jobs_in(redis_url))
        assert len(jobs_in(redis_url)) == 1
        assert post(gateway, headers=headers).headers["idempotent-replayed"] == "true"
        other = post(gateway, headers=headers, json=BODY | {"query": "other"})
        assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_conflict")


def test_who_waits_in_vain_is_told_so(gateway: GatewayProcess, redis_url: str) -> None:
    """When no ranking comes in time, the call ends with 504, and its job is cancelled."""
    answer = post(gateway, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "result_timeout")
    (job_id,) = jobs_in(redis_url)
    with RerankClient(redis_url) as client:
        ended = (JobState.CANCELLED, JobState.EXPIRED)
        eventually(lambda: client.status(job_id).state in ended, "the job's end")


@pytest.mark.parametrize(
    ("header", "expected"),
    [("", JobState.CANCELLED), ("Idempotency-Key: k\r\n", JobState.QUEUED)],
)
def test_a_caller_that_leaves_takes_its_job_along(
    gateway: GatewayProcess, redis_url: str, header: str, expected: JobState
) -> None:
    """The job of a caller that has gone is cancelled; with a key it is kept."""
    body = json.dumps(BODY).encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as caller:
        head = f"POST /rerank HTTP/1.1\r\nHost: localhost\r\n{header}Content-Length: {len(body)}"
        caller.sendall(head.encode() + b"\r\n\r\n" + body)
        (job_id,) = eventually(lambda: jobs_in(redis_url), "the job is recorded")
    with RerankClient(redis_url) as client:

        def state() -> JobState:
            return client.status(job_id).state

        if expected is JobState.QUEUED:
            lasting(0.5, lambda: state() is expected, "the job stays")
        else:
            eventually(lambda: state() is expected, "the job is cancelled")


def test_who_would_wait_in_vain_is_refused_at_once(tmp_path: Path, redis_url: str) -> None:
    """Without a worker, or while the upstream throttles, a call is refused at once."""
    with GatewayProcess(tmp_path, redis_url) as gateway:
        answer = post(gateway)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "wait_too_long")
        assert "rerankq worker" in answer.json()["message"]
        assert int(answer.headers["retry-after"]) >= 240
        attend(redis_url)
        asyncio.run(throttle(redis_url, seconds=100))
        eventually(lambda: post(gateway).status_code == 429, "the forecast is renewed")
        answer = post(gateway)
        assert answer.headers["x-rerankq-throttled-by"] == "upstream"
        assert 30 <= int(answer.headers["retry-after"]) <= 45
        assert "x-should-retry" not in answer.headers
        assert jobs_in(redis_url) == []


def test_few_wait_for_an_upstream_that_is_out(tmp_path: Path, redis_url: str) -> None:
    """While it is out, a few calls wait, as workers try it with their jobs; others get 503."""
    attend(redis_url)
    asyncio.run(report(redis_url, trouble=20.0, cause="upstream_unavailable (connection_refused)"))
    with GatewayProcess(tmp_path, redis_url) as gateway, ThreadPoolExecutor(24) as pool:
        calls = [pool.submit(post, gateway, headers={"Prefer": "wait=8"}) for _ in range(24)]
        answers = [each.result() for each in calls]
        refused = [each for each in answers if each.status_code == 503]
        assert len(refused) == 24 - MOST_TRIALS == 24 - len(jobs_in(redis_url))
        assert {each.status_code for each in answers} == {503, 504}
        for each in refused:
            assert each.json()["cause"] == "outage"
            assert "connection_refused" in each.json()["message"]
            assert 1 <= int(each.headers["retry-after"]) <= 6
            assert "x-rerankq-throttled-by" not in each.headers


def test_the_original_order_in_place_of_an_error(tmp_path: Path, redis_url: str) -> None:
    """Who asks for it gets its documents in their order, flagged, when no ranking comes."""
    with GatewayProcess(tmp_path, redis_url) as gateway:
        headers = {"Idempotency-Key": "mine"}
        body = BODY | {"on_failure": "original_order"}
        answer = post(gateway, json=body, headers=headers)
        assert (answer.status_code, answer.headers["x-rerankq-degraded"]) == (200, "wait_too_long")
        assert answer.json()["degraded"] is True
        assert [each["index"] for each in answer.json()["results"]] == [0, 1]
        bad = post(gateway, json=body | {"top_n": -1})
        assert bad.status_code == 422
        # It is not kept: the same key gets a ranking once there is one.
        attend(redis_url)
        with StandInWorker(redis_url):
            again = eventually(
                lambda: (
                    found if "degraded" not in (found := post(gateway, json=body)).json() else None
                ),
                "the forecast is renewed",
            )
            assert again.json()["results"][0]["relevance_score"] == 1.0
            assert "degraded" not in post(gateway, json=body, headers=headers).json()


def test_no_pile_of_waiters(tmp_path: Path, redis_url: str) -> None:
    """More calls than may wait are refused at once, and all are let go at the end."""
    attend(redis_url)
    settings = {"RERANKQ_GATEWAY_MAX_WAITERS": "3", "RERANKQ_GATEWAY_DRAIN_SECONDS": "0"}
    with (
        GatewayProcess(tmp_path, redis_url, **settings) as gateway,
        ThreadPoolExecutor(8) as pool,
    ):
        waiting = [pool.submit(post, gateway) for _ in range(3)]
        eventually(lambda: len(jobs_in(redis_url)) == 3, "three wait")
        answer = post(gateway)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "too_many_waiters")
        assert gateway.stop() == 0
        codes = [each.result().json()["error"]["code"] for each in waiting]
        assert codes == ["shutting_down"] * 3


def test_a_job_is_kept_by_setting(tmp_path: Path, redis_url: str) -> None:
    """With `keep` a job outlasts its call, which says where to ask for its result."""
    attend(redis_url)
    settings = {"RERANKQ_GATEWAY_ON_DISCONNECT": "keep"}
    with GatewayProcess(tmp_path, redis_url, **settings) as gateway:
        answer = post(gateway, headers={"Prefer": "wait=1"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "result_timeout")
        (job_id,) = jobs_in(redis_url)
        assert answer.headers["location"] == f"/v1/jobs/{job_id}"
        with StandInWorker(redis_url):
            where = f"{gateway.url}{answer.headers['location']}/result"
            found = eventually(lambda: _ranking_at(where), "the result is there")
        assert [each["index"] for each in found["results"]] == [0, 1]


def _ranking_at(where: str) -> Any:
    answer = requests.get(where, timeout=30)
    return answer.json() if answer.ok else None


async def throttle(redis_url: str, *, seconds: float) -> None:
    """Let a worker report that the upstream asks everyone to wait."""
    await report(redis_url, throttled=1, pause_ms=int(seconds * 1000))


async def report(redis_url: str, **fields: Any) -> None:
    """Let a worker report on its account."""
    async with Store(redis_url) as store:
        told = Report(lane="interactive", want=1, began=1, **fields)
        await Accounts(store).exchange("an-account", "a-worker", Limits(), told)


def slowly(job: Job) -> Any:
    """A ranking that takes a moment."""
    time.sleep(0.05)
    return ranked(job)


def test_answers_are_each_callers_own(gateway: GatewayProcess, redis_url: str) -> None:
    """Many calls at once get each its own answer, whatever the order of their ends."""

    def call(n: int) -> tuple[int, int]:
        documents = [f"{n}", *("x" for _ in range(n % 5))]
        found = post(gateway, json={"query": "q", "documents": documents}).json()["results"]
        return int(found[0]["document"]["text"]), len(found)

    with StandInWorker(redis_url, decide=slowly), ThreadPoolExecutor(32) as pool:
        assert list(pool.map(call, range(64))) == [(n, n % 5 + 1) for n in range(64)]
