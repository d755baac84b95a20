from email.utils import parsedate_to_datetime

import orjson
import pytest
from pydantic import SecretStr

from rerankq_sandbox.contract import Question
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.metering.account import Account, Admission, OverLimit
from rerankq_sandbox.metering.accounts import MeteredAccounts, fingerprint
from rerankq_sandbox.metering.limiter import Limiter
from rerankq_sandbox.metering.limits import AccountLimits, read_changes, read_limits
from rerankq_sandbox.metering.refusals import left_headers, over_limit

QUESTION = Question("m", "one two", ["three", "four five"])
TOKENS = 7  # 2 of the query twice, and 3 of the documents


def account(**limits: object) -> Account:
    return Account(AccountLimits.model_validate(limits))


def admitted(one: Account, now: float) -> Admission:
    outcome = one.admit(QUESTION, now)
    assert isinstance(outcome, Admission)
    return outcome


def refused(one: Account, now: float) -> OverLimit:
    outcome = one.admit(QUESTION, now)
    assert isinstance(outcome, OverLimit)
    return outcome


def test_requests_are_limited_in_any_window() -> None:
    """The call after the last allowed one waits until the first leaves the window."""
    one = account(rpm=2)
    admitted(one, 0)
    admitted(one, 10)
    assert refused(one, 20) == OverLimit("requests", 40)
    admitted(one, 60)
    assert refused(one, 60).wait == 10


def test_tokens_are_the_query_once_a_document_and_the_documents() -> None:
    """A call costs query tokens times documents plus document tokens."""
    one = account(tpm=2 * TOKENS, window_seconds=10)
    admitted(one, 0)
    admitted(one, 1)
    assert refused(one, 2) == OverLimit("tokens", 8)
    assert one.left(2)["tokens"].remaining == 0


def test_a_call_larger_than_the_limit_is_never_admitted() -> None:
    """A call with more tokens than a window allows is refused, even if the account is idle."""
    assert refused(account(tpm=TOKENS - 1), 0) == OverLimit("tokens", 60)


def test_calls_at_a_time_are_limited() -> None:
    """A call is admitted when another has ended."""
    one = account(concurrency=1)
    first = admitted(one, 0)
    assert refused(one, 0).reason == "concurrency"
    first.end(well=True)
    admitted(one, 0)


def test_rate_has_a_burst() -> None:
    """A token bucket admits a burst, and then its rate."""
    one = account(per_second=4, burst=2)
    admitted(one, 5)
    admitted(one, 5)
    over = refused(one, 5)
    assert over.reason == "rate"
    assert over.wait == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("counts", "left"), [("served", [2, 1, 1]), ("admitted", [1, 0, 0]), ("arrived", [1, 0, 0])]
)
def test_what_uses_the_window_up_is_a_setting(counts: str, left: list[int]) -> None:
    """A failed call counts unless only served ones do."""
    one = account(rpm=2, counts=counts)
    seen = []
    for well in (False, True, False):
        outcome = one.admit(QUESTION, 0)
        if isinstance(outcome, Admission):
            outcome.end(well=well)
        seen.append(one.left(0)["requests"].remaining)
    assert seen == left


def test_refused_calls_count_where_arrivals_do() -> None:
    """With `arrived`, refused calls count too, so a client that never stops is never admitted."""
    for counts, reopened in (("arrived", False), ("admitted", True)):
        one = account(rpm=1, window_seconds=10, counts=counts)
        admitted(one, 0)
        refused(one, 9)
        assert isinstance(one.admit(QUESTION, 11), Admission) is reopened


def test_limits_change_at_once_and_what_was_used_stays_used() -> None:
    """A halved limit holds for the next call, and a doubled one too."""
    limiter = Limiter()
    one = limiter.account("a")
    for now in (10**9, 10**9 + 1):
        admitted(one, now)
    limiter.replace({"default": AccountLimits(rpm=2)})
    refused(one, 10**9 + 2)
    limiter.replace({"default": AccountLimits(rpm=2), "a": AccountLimits(rpm=3)})
    admitted(one, 10**9 + 2)
    refused(limiter.account("a"), 10**9 + 2)


def test_one_account_never_uses_up_another() -> None:
    """Each account has the default limits to itself."""
    limiter = Limiter()
    limiter.replace({"default": AccountLimits(rpm=1)})
    for name in ("a", "b"):
        admitted(limiter.account(name), 10**9)
        refused(limiter.account(name), 10**9)


def test_peak_counts_arrivals_against_the_limit() -> None:
    """The report says how far the fullest window was over, with refused calls in it."""
    one = account(rpm=2, window_seconds=10)
    for now in (0, 1, 2, 3):
        one.admit(QUESTION, now)
    report = one.report(3)
    assert report["refused"] == {"requests": 2}
    assert (report["window"]["peak_calls"], report["window"]["peak_over"]) == (4, 2)
    one.forget()
    assert one.report(3)["window"]["peak_calls"] == 0
    assert one.left(3)["requests"].remaining == 0


def test_keys_may_share_an_account() -> None:
    """Keys of an account share it; another key has its own account; no key is `anonymous`."""
    accounts = MeteredAccounts()
    accounts.assign("team", [SecretStr("sk-1"), SecretStr("sk-2")])
    names = [accounts.name(fingerprint(key)) for key in ("sk-1", "sk-2", "sk-3", "sk-4", "", None)]
    assert names[:2] == ["team", "team"]
    assert names[4:] == ["anonymous", "anonymous"]
    assert len(set(names)) == 4
    assert "sk-" not in "".join(names)


def test_names_of_accounts_are_bounded() -> None:
    """Keys after the first thousand share an account."""
    accounts = MeteredAccounts()
    assert len({accounts.name(f"mark {number}") for number in range(3000)}) <= 1001


@pytest.mark.parametrize("retry_after", ["none", "seconds", "date"])
def test_retry_after_has_both_forms(retry_after: str) -> None:
    """Retry-After is whole seconds, rounded up, or a date, or is not sent."""
    one = account(rpm=0, retry_after=retry_after)
    answer = over_limit(one, OverLimit("requests", 1.2), 0, "id")
    sent = answer.headers.get("Retry-After")
    if retry_after == "date":
        assert sent is not None
        assert parsedate_to_datetime(sent).tzinfo is not None
    else:
        assert sent == (None if retry_after == "none" else "2")


def test_answer_over_a_limit_is_a_row_of_the_table() -> None:
    """The words of a limit carry its numbers."""
    one = account(rpm=90, window_seconds=120, answer="request_limit")
    answer = over_limit(one, OverLimit("requests", 1), 0, "id")
    assert isinstance(answer.body, bytes)
    assert "2分钟内最多请求90次" in orjson.loads(answer.body)["error"]["message"]


@pytest.mark.parametrize(("style", "reset"), [("duration", "1m29.500s"), ("seconds", "89.500")])
def test_headers_show_what_is_left(style: str, reset: str) -> None:
    """`x-ratelimit-*` give limit, what is left and the time to a full window."""
    one = account(rpm=3, tpm=100, window_seconds=90, reset_style=style)
    admitted(one, 0)
    assert left_headers(one, 0.5) == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": reset,
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": str(100 - TOKENS),
        "x-ratelimit-reset-tokens": reset,
    }


def test_headers_of_a_bucket() -> None:
    """A limit by the second is told as one of requests, with the time until the bucket is full."""
    one = account(per_second=2, burst=5, reset_style="seconds")
    admitted(one, 0)
    admitted(one, 0)
    assert left_headers(one, 0.25) == {
        "x-ratelimit-limit-requests": "5",
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-reset-requests": "0.750",
    }


def test_headers_show_the_stricter_limit() -> None:
    """Of a window and a bucket, the one with less left is told."""
    one = account(rpm=100, per_second=1, burst=2)
    admitted(one, 0)
    assert left_headers(one, 0)["x-ratelimit-limit-requests"] == "2"
    other = account(rpm=2, per_second=1, burst=100)
    admitted(other, 0)
    assert left_headers(other, 0)["x-ratelimit-limit-requests"] == "2"


def test_headers_show_calls_in_flight() -> None:
    """A limit of calls at a time tells how many more are allowed, but no time, as it is unknown."""
    one = account(concurrency=2)
    admitted(one, 0)
    assert left_headers(one, 0) == {
        "x-ratelimit-limit-concurrent": "2",
        "x-ratelimit-remaining-concurrent": "1",
    }


@pytest.mark.parametrize(
    "bad",
    [
        {"default": {"rpm": -1}},
        {"default": {"rpm": "SECRET"}},
        {"default": {"burst": 3}},
        {"default": {"answer": "SECRET"}},
        {"default": {"window_seconds": 0}},
        {"default": {"rmp": 5}},
        {"sk-SECRET": {}},
    ],
)
def test_bad_limits_are_refused_with_their_place(bad: dict[str, object]) -> None:
    """A bad limit is a 400 that names account and field, and never repeats the content."""
    for read in (read_limits, read_changes):
        with pytest.raises(GatewayError, match=r"^limits\.(default|…)") as caught:
            read(orjson.dumps(bad))
        assert (caught.value.status, "SECRET" in caught.value.message) == (400, False)
