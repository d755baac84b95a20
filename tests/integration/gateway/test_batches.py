"""Our own routes of batches: filled by calls, paused, read, watched, retried."""

import json
from typing import Any

import pytest
import requests
from redis import Redis

from rerankq import RerankClient
from running.gateway import GatewayProcess
from running.stand_in_worker import StandInWorker
from running.waiting import eventually


@pytest.fixture
def url(gateway: GatewayProcess) -> str:
    """Where batches are."""
    at = f"{gateway.url}/v1/batches"
    eventually(lambda: requests.get(at, timeout=10).ok, "it is open")
    return at


def job(number: int) -> dict[str, Any]:
    """A job; every tenth fails."""
    query = "fail" if number % 10 == 9 else "q"
    return {"custom_id": f"c{number}", "query": query, "documents": ["a", "b"]}


def opened(url: str, **options: Any) -> str:
    """A new batch, the address of it."""
    answer = requests.post(url, json=options, timeout=10)
    assert answer.status_code == 200, answer.text
    return f"{url}/{answer.json()['id']}"


def added(at: str, numbers: range, **headers: str) -> requests.Response:
    """Add jobs."""
    lines = "\n".join(json.dumps(job(number)) for number in numbers)
    return requests.post(f"{at}/jobs", data=lines, headers=headers, timeout=30)


def posted(at: str, what: str, **query: str) -> dict[str, Any]:
    """Call one of the controls."""
    answer = requests.post(f"{at}/{what}", params=query, timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def state(at: str) -> str:
    """The state of the batch in our own words."""
    return str(requests.get(at, timeout=10).json()["rerankq"]["state"])


def lines(at: str, what: str, **query: str) -> list[dict[str, Any]]:
    """The lines of one of the streams."""
    answer = requests.get(f"{at}/{what}", params=query, timeout=30)
    assert answer.status_code == 200, answer.text
    return [json.loads(each) for each in answer.text.splitlines()]


def test_a_batch_is_filled_and_read(url: str, redis_url: str) -> None:
    """By several calls, of which a repeat adds nothing; results can be read from a position on."""
    at = opened(url, metadata={"a": "b"}, deadline_seconds=3600, expected=30)
    for numbers in (range(15), range(15, 30)):
        for _ in range(2):
            done = added(at, numbers, **{"idempotency-key": f"k{numbers.start}"})
            assert done.json()["accepted"] == 15
    assert posted(at, "seal")["rerankq"]["total"] == 30
    refused = added(at, range(1))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "batch_closed")
    with StandInWorker(redis_url):
        eventually(lambda: state(at) == "completed", "it has ended")
    found = lines(at, "results")
    assert [each["position"] for each in found] == list(range(30))
    assert [each["custom_id"] for each in found] == [f"c{n}" for n in range(30)]
    assert found[0]["result"]["results"][0]["index"] == 0
    assert found[9]["error"]["code"] == "upstream_refused"
    assert lines(at, "results", start="20") == found[20:]
    assert [each["custom_id"] for each in lines(at, "failures")] == ["c9", "c19", "c29"]
    whole = requests.get(f"{at}/results", timeout=30)
    rest = requests.get(
        f"{at}/results",
        headers={"range": "bytes=1000-", "if-range": whole.headers["etag"]},
        timeout=30,
    )
    assert (rest.status_code, rest.content) == (206, whole.content[1000:])


def test_head_answers_as_get_without_the_body(url: str, redis_url: str) -> None:
    """Each route for GET knows HEAD, also one that streams, and one that goes on for long."""
    at = opened(url)
    added(at, range(100))
    posted(at, "seal")
    running = requests.head(f"{at}/events", timeout=10)
    assert (running.status_code, running.headers["content-type"]) == (
        200,
        "text/event-stream; charset=utf-8",
    )
    with StandInWorker(redis_url):
        eventually(lambda: state(at) == "completed", "it has ended")
    for each in (at, f"{at}/results", url, f"{url}/nothing", url.replace("v1/batches", "live")):
        get, head = (requests.request(how, each, timeout=10) for how in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (get.status_code, b"")
        for name in ("content-type", "etag", "accept-ranges"):
            assert head.headers.get(name) == get.headers.get(name)
    refused = requests.head(f"{at}/seal", timeout=10)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    refused = requests.delete(url, timeout=10)
    assert refused.headers["allow"] == "GET, HEAD, POST"


def test_a_start_behind_all_positions_is_refused_or_empty(url: str) -> None:
    """One that no batch can have is refused at once; one behind the end gives no lines."""
    at = opened(url)
    for what in ("results", "failures"):
        assert lines(at, what, start="1000000") == []
        far = requests.get(f"{at}/{what}?start={10**20}", timeout=10)
        assert (far.status_code, far.json()["error"]["param"]) == (422, "start")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=x", "limit: must be a whole number"),
        ("limit=0", "limit: must be 1 or more"),
        ("limit=101", "limit: must be 100 or less"),
    ],
)
def test_a_wrong_option_is_told_in_plain_words(url: str, query: str, said: str) -> None:
    """As everywhere else, and not in those of the library that has found it."""
    refused = requests.get(f"{url}?{query}", timeout=10)
    assert (refused.status_code, refused.json()["message"]) == (422, said)


def test_a_repeat_adds_only_what_is_new(url: str) -> None:
    """With the same key the same lines are added once; one that has changed is not lost."""
    at = opened(url)
    for numbers, total in ((range(3), 3), (range(3), 3), (range(1, 4), 6)):
        answer = added(at, numbers, **{"Idempotency-Key": "k"})
        assert "idempotency-key-expires" in answer.headers
        counts = requests.get(at, timeout=10).json()["request_counts"]
        assert counts["total"] == total


def test_a_line_that_is_no_job_is_named(url: str, redis_url: str) -> None:
    """422 with its line and field; nothing of the body is added."""
    at = opened(url)
    body = json.dumps(job(0)) + '\n{"query": "q", "documents": []}\n'
    refused = requests.post(f"{at}/jobs", data=body, timeout=10)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["line"], error["field"]) == (2, "documents")
    whole = requests.post(f"{at}/jobs", data="nope", timeout=10).json()["message"]
    assert "no jobs: 1, the first is line 1 (not valid JSON (" in whole
    form = requests.post(f"{at}/jobs", files={"file": body}, timeout=10)
    assert form.status_code == 415
    with RerankClient(redis_url) as client:
        assert client.batch(at.rpartition("/")[2]).progress().total == 0


def test_a_pause_holds_until_the_batch_goes_on(url: str, redis_url: str, redis: Redis) -> None:
    """OpenAI's status has no pause, ours has; no job begins meanwhile, and none is lost."""
    at = opened(url)
    added(at, range(8))
    posted(at, "seal")
    paused = posted(at, "pause")
    assert (paused["status"], paused["rerankq"]["state"]) == ("in_progress", "paused")
    waits = requests.get(at, params={"why": "true"}, timeout=10).json()["rerankq"]["waits"]
    assert waits[0]["code"] == "paused"
    with StandInWorker(redis_url) as worker:
        eventually(lambda: not redis.zcard("rerankq:bulk:queued"), "all were held back")
        assert worker.ended == []
        posted(at, "resume")
        eventually(lambda: state(at) == "completed", "it has ended")
    ended = requests.post(f"{at}/pause", timeout=10)
    assert (ended.status_code, ended.json()["error"]["code"]) == (409, "batch_closed")


def test_failed_jobs_are_submitted_again_once(url: str, redis_url: str) -> None:
    """They are a new batch; a repeat finds that one."""
    at = opened(url)
    added(at, range(20))
    posted(at, "seal")
    with StandInWorker(redis_url):
        eventually(lambda: state(at) == "completed", "it has ended")
        done = posted(at, "retry")
        assert (done["submitted"], done["missing"]) == (2, [])
        again = f"{url}/{done['batch']['id']}"
        eventually(lambda: state(again) == "completed", "it has ended")
    assert requests.get(again, timeout=10).json()["rerankq"]["total"] == 2


def test_progress_is_told_until_the_end(url: str, redis_url: str) -> None:
    """Each event has all that is known; a reader that knows the end is told so with 204."""
    at = opened(url)
    added(at, range(5))
    posted(at, "seal")
    names: list[str] = []
    with (
        StandInWorker(redis_url, holds=True) as worker,
        requests.get(f"{at}/events", stream=True, timeout=30) as stream,
    ):
        last_id = ""
        for line in stream.iter_lines(decode_unicode=True):
            name, _, value = line.partition(": ")
            if name == "id":
                last_id = value
            elif name == "event":
                names.append(value)
                worker.go()
            elif name == "data" and names[-1] == "ended":
                assert json.loads(value)["rerankq"]["succeeded"] == 5
    assert (names[0], names[-1]) == ("status", "ended")
    known = requests.get(f"{at}/events", headers={"last-event-id": last_id}, timeout=10)
    assert known.status_code == 204


def test_results_can_be_waited_for(url: str, redis_url: str) -> None:
    """Lines come as jobs end, in the order of the batch, until the last."""
    at = opened(url)
    added(at, range(5))
    posted(at, "seal")
    with (
        StandInWorker(redis_url, holds=True) as worker,
        requests.get(f"{at}/results", params={"wait": "true"}, stream=True, timeout=30) as stream,
    ):
        worker.go()
        found = [json.loads(line)["position"] for line in stream.iter_lines()]
    assert found == list(range(5))


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("GET", ""),
        *(("GET", each) for each in ("/results", "/failures", "/events")),
        *(("POST", each) for each in ("/jobs", "/seal", "/pause", "/resume", "/cancel", "/retry")),
    ],
)
def test_an_unknown_batch_is_not_found(url: str, method: str, what: str) -> None:
    """By every route, with one code."""
    data = json.dumps(job(0)) if what == "/jobs" else None
    answer = requests.request(method, f"{url}/batch-none{what}", data=data, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "batch_not_found")
