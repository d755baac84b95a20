import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import requests

from rerankq_sandbox.error_table import ERRORS
from running.sandbox import BODY, TIMEOUT_S, RunningSandbox


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    """A sandbox that tests share, if they leave nothing behind."""
    with RunningSandbox() as running:
        yield running


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox() as running:
        yield running


def test_status_with_headers_and_the_usual_body(sandbox: RunningSandbox) -> None:
    """A status fault sends its headers, and without a body the gateway's usual one."""
    sandbox.fault(kind="status", status=429, headers={"Retry-After": "1"}, body=None)
    answer = sandbox.rerank()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json()["error"]["type"] == "new_api_error"
    assert sandbox.rerank().status_code == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [("", ""), ("<html>no</html>", "<html>no</html>"), ({"detail": 1}, '{"detail":1}')],
)
def test_status_with_a_body_of_its_own(sandbox: RunningSandbox, body: object, text: str) -> None:
    """A status fault sends the body it was given: JSON, HTML or nothing."""
    sandbox.fault(kind="status", status=502, body=body)
    assert sandbox.rerank().text == text


def directive(**action: object) -> dict[str, str]:
    return {"X-Sandbox-Fault": orjson.dumps(action).decode()}


def until_cut(answer: requests.Response) -> bytes:
    """The part of an answer that arrives before its connection breaks; it must break."""
    got = bytearray()
    try:
        for block in answer.iter_content(1):
            got += block
    except requests.exceptions.ChunkedEncodingError:
        return bytes(got)
    raise AssertionError("the answer is whole")


@pytest.mark.parametrize("name", ERRORS)
def test_every_row_of_the_table_is_sent_as_listed(running: RunningSandbox, name: str) -> None:
    """An error by name has the status, type and body that GET /_sandbox/errors lists."""
    listed = running.admin("GET", "errors").json()[name]
    answer = running.rerank(directive(kind="error", name=name))
    request_id = answer.headers["X-Oneapi-Request-Id"]
    assert answer.status_code == listed["status"]
    assert answer.headers["Content-Type"].startswith(listed["content_type"])
    assert answer.content.decode() == listed["body"].replace("<request id>", request_id)


def test_errors_take_headers(running: RunningSandbox) -> None:
    """An error by name can carry headers, and one of the rix family carries its own request id."""
    headers = {"Retry-After": "7"}
    answer = running.rerank(directive(kind="error", name="saturated_rix", headers=headers))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.headers["X-Rixapi-Request-Id"] == answer.headers["X-Oneapi-Request-Id"]


@pytest.mark.parametrize("sent", [None, 0, 10, 10_000])
def test_cut_breaks_off_in_the_middle(sandbox: RunningSandbox, sent: int | None) -> None:
    """A cut answer announces more than it sends, is logged as dropped, and the server goes on."""
    sandbox.fault(kind="cut", bytes=sent)
    with requests.post(sandbox.url, json=BODY, timeout=TIMEOUT_S, stream=True) as answer:
        assert answer.status_code == 200
        got = until_cut(answer)
    announced = int(answer.headers["Content-Length"])
    assert len(got) == (announced // 2 if sent is None else min(sent, announced - 1))
    assert sandbox.rerank().status_code == 200
    assert [entry["event"] for entry in sandbox.log()] == ["dropped", "answered"]


@pytest.mark.parametrize("status", [200, 429, 504])
def test_twice_lets_another_answer_follow(sandbox: RunningSandbox, status: int) -> None:
    """An answer that is sent twice comes whole both times, on one connection."""
    answer = None if status == 200 else {"kind": "status", "status": status}
    sandbox.fault(kind="twice", seconds=0, answer=answer)
    body = orjson.dumps(BODY)
    head = f"POST /v1/rerank HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port), TIMEOUT_S) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        while received.count(b"HTTP/1.1 %d" % status) < 2:
            received += connection.recv(65536)
    assert sandbox.rerank().status_code == 200


def test_drop_closes_without_an_answer(sandbox: RunningSandbox) -> None:
    """A dropped call gets no answer, is logged as dropped, and the server goes on."""
    sandbox.fault(kind="drop")
    with pytest.raises(requests.ConnectionError):
        sandbox.rerank()
    assert sandbox.rerank().status_code == 200
    assert [entry["event"] for entry in sandbox.log()] == ["dropped", "answered"]


def test_hang_holds_until_the_client_goes(sandbox: RunningSandbox) -> None:
    """A hanging call is in the log before its client gives up."""
    sandbox.fault(kind="hang")
    with pytest.raises(requests.ReadTimeout):
        requests.post(sandbox.url, json=BODY, timeout=0.2)
    (entry,) = sandbox.log()
    assert (entry["fault"], entry["status"]) == ("hang", None)


def test_hang_does_not_hold_up_the_stop() -> None:
    """A server stops despite a hanging call, and the client of the call is cut off."""
    failed = threading.Event()

    def hanging(sandbox: RunningSandbox) -> None:
        with pytest.raises(requests.ConnectionError):
            sandbox.rerank()
        failed.set()

    with RunningSandbox() as sandbox:
        sandbox.fault(kind="hang")
        client = threading.Thread(target=hanging, args=(sandbox,))
        client.start()
        while not sandbox.log():
            pass
    client.join(TIMEOUT_S)
    assert failed.is_set()


def test_delay_comes_on_top_of_the_latency() -> None:
    """A delayed call is answered as usual, later."""
    with RunningSandbox(latency_ms=20) as sandbox:
        sandbox.fault(kind="delay", seconds=0.1)
        started = time.monotonic()
        assert sandbox.rerank().status_code == 200
        assert time.monotonic() - started >= 0.12


def test_drip_sends_single_bytes(sandbox: RunningSandbox) -> None:
    """A dripping answer arrives byte by byte and is whole in the end."""
    sandbox.fault(kind="drip", seconds_per_byte=0.0001)
    assert [result["index"] for result in sandbox.rerank().json()["results"]] == [1, 0]


def test_huge_sends_what_was_asked_for(sandbox: RunningSandbox) -> None:
    """A huge answer is a ranking of exactly that many bytes, with no length announced."""
    sandbox.fault(kind="huge", bytes=1_000_000)
    answer = sandbox.rerank()
    assert "Content-Length" not in answer.headers
    assert len(answer.content) == 1_000_000
    assert [result["index"] for result in orjson.loads(answer.content)["results"]] == [1, 0]


ERROR = {"kind": "error", "name": "saturated_rix", "headers": {"Retry-After": "7"}}
STATUS = {"kind": "status", "status": 502, "body": "<html>"}


@pytest.mark.parametrize(("answer", "status"), [(ERROR, 429), (STATUS, 502)])
@pytest.mark.parametrize(
    "way", [{"kind": "drip", "seconds_per_byte": 0.0001}, {"kind": "huge", "bytes": 300_000}]
)
def test_a_refusal_drips_or_is_huge(
    sandbox: RunningSandbox, way: dict[str, Any], answer: dict[str, Any], status: int
) -> None:
    """Any status and any error can be sent byte by byte or very long, with its headers."""
    at_once = sandbox.rerank(directive(**answer))
    sent = sandbox.rerank(directive(**way, answer=answer))
    assert sent.status_code == at_once.status_code == status
    assert sent.headers.get("Retry-After") == at_once.headers.get("Retry-After")
    assert sent.headers["Content-Type"] == at_once.headers["Content-Type"]
    assert len(sent.content) == (300_000 if way["kind"] == "huge" else len(at_once.content))
    assert len(sent.content.rstrip()) == len(at_once.content)
    assert sandbox.log()[1]["fault"].startswith(f"{way['kind']}:{answer['kind']}")


def test_a_refusal_can_be_cut(sandbox: RunningSandbox) -> None:
    """An error body can break off before its end."""
    wanted = directive(kind="cut", bytes=10, answer=ERROR)
    with requests.post(
        sandbox.url, json=BODY, headers=wanted, stream=True, timeout=TIMEOUT_S
    ) as answer:
        assert answer.status_code == 429
        assert until_cut(answer) == b'{"error":{'
    assert sandbox.log()[0]["fault"] == "cut:error:saturated_rix"


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("wrong_index", b'"index":2'),
        ("nan", b"NaN"),
        ("wrong_type", b'"relevance_score":"'),
        ("null_results", b'"results":null'),
        ("ok_error", b'"error"'),
        ("garbage", b'{"results":['),
    ],
)
def test_spoiled_answers_are_200(sandbox: RunningSandbox, kind: str, found: bytes) -> None:
    """Content faults come with status 200 and the wrong content."""
    sandbox.fault(kind=kind)
    answer = sandbox.rerank()
    assert answer.status_code == 200
    assert found in answer.content


def test_a_directive_applies_to_one_call(sandbox: RunningSandbox) -> None:
    """A request can ask for its own fault, which comes before every rule; a bad one is a 400."""
    sandbox.set_faults({"action": {"kind": "short"}})
    good = {"X-Sandbox-Fault": '{"kind":"status","status":418}'}
    assert sandbox.rerank(good).status_code == 418
    assert sandbox.rerank({"X-Sandbox-Fault": "nonsense"}).status_code == 400


def test_rules_are_cleared_and_reported(sandbox: RunningSandbox) -> None:
    """DELETE forgets the rules, GET shows how often each fired."""
    sandbox.set_faults({"action": {"kind": "short"}})
    sandbox.rerank()
    path = f"{sandbox.base}/_sandbox/faults"
    (shown,) = requests.get(path, timeout=TIMEOUT_S).json()["rules"]
    assert (shown["seen"], shown["fired"], shown["rule"]["action"]["kind"]) == (1, 1, "short")
    assert requests.delete(path, timeout=TIMEOUT_S).json() == {"rules": 0}
    assert len(sandbox.rerank().json()["results"]) == 2


def test_bad_rules_change_nothing(sandbox: RunningSandbox) -> None:
    """One bad rule refuses the whole list with a 400."""
    answer = sandbox.set_faults({"action": {"kind": "drop"}}, {"action": {"kind": "none"}})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("rules.1.action")
    assert sandbox.rerank().status_code == 200


def test_no_web_page_gives_orders(sandbox: RunningSandbox) -> None:
    """A request that a foreign web page makes changes nothing, and reads nothing."""
    sandbox.set_faults({"action": {"kind": "status", "status": 418}})
    path = f"{sandbox.base}/_sandbox/faults"
    foreign = (
        {"Origin": "https://evil.example"},
        {"Host": f"evil.example:{sandbox.port}"},
        {"Sec-Fetch-Site": "cross-site"},
    )
    for headers in foreign:
        refused = requests.delete(path, headers=headers, timeout=TIMEOUT_S)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
        called = sandbox.rerank(headers)
        assert called.status_code == 418  # the rule still stands
        asked = requests.options(sandbox.url, headers=headers, timeout=TIMEOUT_S)
        assert asked.status_code == 405
        for answer in (refused, called, asked):
            assert "access-control" not in str(answer.headers).lower()


def test_random_failures_come_at_their_rate() -> None:
    """With fail_rate 1, every call fails with the status asked for."""
    with RunningSandbox(fail_rate=1, fail_status=503) as sandbox:
        assert [sandbox.rerank().status_code for _ in range(3)] == [503] * 3


def test_broken_http_brings_nothing_down(sandbox: RunningSandbox) -> None:
    """Bytes that are no HTTP get a refusal without a traceback, and the server goes on."""
    with socket.create_connection(("127.0.0.1", sandbox.port), TIMEOUT_S) as raw:
        raw.sendall(b"\x00nonsense\r\n\r\n")
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert b"400" in answer.splitlines()[0]
    assert b"Traceback" not in answer
    assert sandbox.rerank().status_code == 200


def test_log_names_jobs_and_never_texts(tmp_path: Any) -> None:
    """The log has a line at arrival and one at the end, with job and attempt but no text or key."""
    path = tmp_path / "log.jsonl"
    with RunningSandbox(log=path) as sandbox:
        headers = {"X-Rerankq-Job-Id": "job-1", "X-Rerankq-Attempt": "2", "Authorization": "sk-can"}
        sandbox.rerank(headers, top_n=1)
        sandbox.rerank(query="")
        entries = sandbox.log(since=1)
        stats = sandbox.stats()
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [line["event"] for line in lines] == ["arrived", "answered"] * 2
    assert {line["job_id"] for line in lines[:2]} == {"job-1"}
    assert (lines[1]["attempt"], lines[1]["documents"], lines[1]["top_n"]) == (2, 2, 1)
    assert [(entry["n"], entry["status"]) for entry in entries] == [(2, 400)]
    assert stats["by_status"] == {"200": 1, "400": 1}
    whole = path.read_text()
    assert "感冒" not in whole
    assert "sk-can" not in whole
