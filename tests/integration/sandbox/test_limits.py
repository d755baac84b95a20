from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from running.sandbox import BODY, TIMEOUT_S, RunningSandbox
from running.waiting import eventually


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    with RunningSandbox() as running:
        yield running


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    """A sandbox without limits and without counts from earlier tests."""
    running.admin("PUT", "limits", {})
    running.admin("DELETE", "faults")
    return running


def key(name: str) -> dict[str, str]:
    return {"Authorization": name}


def statuses(sandbox: RunningSandbox, name: str, calls: int) -> list[int]:
    return [sandbox.rerank(key(name)).status_code for _ in range(calls)]


def test_the_window_is_full_until_it_moves_on(sandbox: RunningSandbox) -> None:
    """Calls over the limit get 429, and are admitted again when the window has moved on."""
    sandbox.limit(rpm=2, window_seconds=0.6)
    assert statuses(sandbox, "window", 3) == [200, 200, 429]
    eventually(lambda: statuses(sandbox, "window", 1) == [200], "the window moves on", seconds=5)


def test_a_refusal_says_when_to_try_again(sandbox: RunningSandbox) -> None:
    """A refusal has the body that was chosen, Retry-After and the x-ratelimit headers."""
    said = {"answer": "request_limit", "retry_after": "seconds", "ratelimit_headers": "refusals"}
    sandbox.limit(rpm=1, **said)
    served, refused = (sandbox.rerank(key("told")) for _ in range(2))
    assert "x-ratelimit-limit-requests" not in served.headers
    assert refused.status_code == 429
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert 50 < int(refused.headers["Retry-After"]) <= 60
    assert "您已达到请求数限制" in refused.json()["error"]["message"]


def test_headers_can_come_with_every_answer(sandbox: RunningSandbox) -> None:
    """With `always`, a success tells what is left after this call."""
    sandbox.limit(rpm=5, tpm=1000, ratelimit_headers="always")
    headers = sandbox.rerank(key("headers")).headers
    assert headers["x-ratelimit-remaining-requests"] == "4"
    assert 0 < int(headers["x-ratelimit-remaining-tokens"]) < 1000


def test_tokens_are_limited(sandbox: RunningSandbox) -> None:
    """A call that would exceed the tokens of a window is refused, a smaller one is not."""
    sandbox.limit(tpm=60)
    large = [BODY["documents"][0] * 20]
    assert sandbox.rerank(key("tokens")).status_code == 200
    assert sandbox.rerank(key("tokens"), documents=large).status_code == 429
    assert sandbox.rerank(key("tokens"), documents=["a"]).status_code == 200


def test_a_call_that_failed_can_be_given_back(sandbox: RunningSandbox) -> None:
    """If only served calls count, a call without an answer does not count."""
    sandbox.limit(rpm=1, counts="served")
    sandbox.fault(kind="drop")
    with pytest.raises(requests.ConnectionError):
        sandbox.rerank(key("failed"))
    assert statuses(sandbox, "failed", 2) == [200, 429]


def test_calls_at_a_time_are_limited(sandbox: RunningSandbox) -> None:
    """Calls that wait for their answer hold their places until they are answered."""
    sandbox.limit(concurrency=2)
    slow = {"X-Sandbox-Fault": '{"kind":"delay","seconds":0.8}'} | key("slots")
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(sandbox.rerank, slow) for _ in range(2)]
        eventually(lambda: admitted(sandbox) == 2, "both are in")
        assert statuses(sandbox, "slots", 1) == [429]
        assert [call.result().status_code for call in waiting] == [200, 200]
    assert statuses(sandbox, "slots", 1) == [200]


def admitted(sandbox: RunningSandbox) -> int:
    (entry, *_) = [entry for entry in reversed(sandbox.log()) if entry["key"]]
    in_flight: int = sandbox.stats()["accounts"][entry["account"]]["admitted_in_flight"]
    return in_flight


def test_a_client_that_goes_gives_its_place_back(sandbox: RunningSandbox) -> None:
    """A call whose client is gone no longer counts as one at a time."""
    sandbox.limit(concurrency=1)
    hanging = {"X-Sandbox-Fault": '{"kind":"hang"}'} | key("gone")
    with pytest.raises(requests.ReadTimeout):
        requests.post(sandbox.url, json=BODY, headers=hanging, timeout=0.2)
    eventually(lambda: statuses(sandbox, "gone", 1) == [200], "the place is free")


def test_a_burst_is_let_in_and_then_the_rate(sandbox: RunningSandbox) -> None:
    """A token bucket lets its burst in at once, and one more call when it has regained it."""
    sandbox.limit(per_second=2, burst=3)
    assert statuses(sandbox, "burst", 4) == [200, 200, 200, 429]
    eventually(lambda: statuses(sandbox, "burst", 1) == [200], "the bucket regains", seconds=5)


def test_accounts_have_limits_of_their_own(sandbox: RunningSandbox) -> None:
    """POST changes one account and leaves others; null gives it the default again."""
    sandbox.limit(rpm=0)
    sandbox.rerank(key("own"))
    account = sandbox.log()[-1]["account"]
    sandbox.admin("POST", "limits", {account: {"rpm": None}}).raise_for_status()
    assert statuses(sandbox, "own", 1) == [200]
    assert statuses(sandbox, "another", 1) == [429]
    shown = sandbox.admin("POST", "limits", {account: None}).json()
    assert set(shown) == {"default"}
    assert statuses(sandbox, "own", 1) == [429]


def test_limits_change_from_one_call_to_the_next(sandbox: RunningSandbox) -> None:
    """A limit that is raised or lowered at run time holds for the next call."""
    for limit, status in ((1, 200), (1, 429), (2, 200), (1, 429), (4, 200)):
        sandbox.limit(rpm=limit)
        assert statuses(sandbox, "steps", 1) == [status], limit


def test_bad_limits_change_nothing(sandbox: RunningSandbox) -> None:
    """A wrong limit is a 400 that names the field, and what was set stays."""
    sandbox.limit(rpm=0)
    answer = sandbox.admin("PUT", "limits", {"default": {"rpm": "many"}})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("limits.default.rpm: ")
    assert statuses(sandbox, "still", 1) == [429]


def test_stats_say_how_far_over_the_limit_callers_went() -> None:
    """Stats count by account, status and fault, and compare the fullest window with its limit."""
    with RunningSandbox() as sandbox:
        sandbox.limit(rpm=2)
        assert Counter(statuses(sandbox, "over", 5)) == {200: 2, 429: 3}
        account = sandbox.log()[0]["account"]
        own = sandbox.stats()["accounts"][account]
        assert own["by_status"] == {"200": 2, "429": 3}
        assert own["by_fault"] == {"limit:requests": 3}
        assert own["refused"] == {"requests": 3}
        assert (own["window"]["peak_calls"], own["window"]["peak_over"]) == (5, 3)
        assert (own["in_flight"], own["max_in_flight"]) == (0, 1)
        fresh = requests.delete(f"{sandbox.base}/_sandbox/stats", timeout=TIMEOUT_S).json()
        assert (fresh["requests"], fresh["accounts"][account]["window"]["peak_calls"]) == (0, 0)
