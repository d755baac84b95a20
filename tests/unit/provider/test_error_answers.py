"""From an error answer to our error: what is shown of it, and what never is."""

import html
import json
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import RerankRequest
from rerankq_worker.provider.error_answers import Reply, fault, malformed, request_id_of
from rerankq_worker.provider.words import MOST_KEPT_BYTES
from rerankq_worker.upstream.errors import (
    BadKey,
    Cause,
    Refused,
    Throttled,
    Transient,
    UpstreamError,
    WrongEndpoint,
)

KEY = "sk-CANARY-of-the-account"
UNDER_200 = "the upstream answered with an error under status 200"


def as_json(value: object) -> bytes:
    """The value as JSON; nothing where it has none."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return b""


REQUEST = RerankRequest(
    query="如何预防感冒以及流感, and what to do\n when it came",
    documents=("预防感冒应勤洗手、戴口罩、多通风, says the doctor of the town", "乙"),
    instruction="rank for a nurse",
)


def met(status: int, body: object = b"", **headers: str) -> UpstreamError:
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return fault(Reply(status, data, named), REQUEST, key=KEY)


def gateway(message: str, code: Any = "", kind: str = "new_api_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": "", "code": code}}


@pytest.mark.parametrize(
    "header",
    [
        "x_oneapi_request_id",
        "x_rixapi_request_id",
        "x_request_id",
        "x_siliconcloud_trace_id",
        "x_debug_trace_id",
    ],
)
def test_request_id_is_kept_and_shown(header: str) -> None:
    """The upstream's own id of the call goes with the error, in its message as well."""
    error = met(400, gateway("no"), **{header: "2025"})
    assert (error.status, error.request_id) == (400, "2025")
    assert str(error) == "the upstream answered 400 (request id 2025)"


@pytest.mark.parametrize(
    "header",
    [
        *("", "\u7532", "a\nb", "\x1b[2J", "two words", "9" * 101),
        *(f"id-{KEY}", KEY[3:20], KEY[6:23].swapcase(), ":".join(f"9{KEY[4:22]}9")),
    ],
)
def test_request_id_that_cannot_be_shown_is_dropped(header: str) -> None:
    """What is no plain word, endless, or holds the key is no id."""
    assert request_id_of({"x-request-id": header}, KEY) is None
    error = met(400, {"request_id": header}, x_request_id=header)
    assert (error.request_id, str(error)) == (None, "the upstream answered 400")


@pytest.mark.parametrize(
    "header", ["2025-canary-0f", "accountof", KEY[3:17], "sk-", "the.ACCOUNT:7"]
)
def test_request_id_that_tells_nothing_of_the_key_is_kept(header: str) -> None:
    """A word in common with the key, or less, hides no id."""
    assert request_id_of({"x-request-id": header}, KEY) == header


ECHOES: tuple[Callable[[str], str], ...] = (
    str,
    json.dumps,
    lambda text: json.dumps(json.dumps(text)),
    html.escape,
    repr,
    str.upper,
    lambda text: f"no rank for {text[:8]}...",
    " ".join,
)
"""What a vendor may make of a text that it repeats."""


def shapes(echo: str) -> Iterator[object]:
    """Bodies that hold an echo, in every place where vendors have words."""
    for place in ("message", "code", "type", "param", "detail", "msg", "request_id"):
        yield {"error": {place: echo}, "request_id": echo}
        yield {place: echo}
    yield from ({"detail": [{"msg": echo, "loc": [echo], "input": echo}]}, {"error": echo}, echo)
    yield from (echo.encode(), f"<html>{echo}</html>".encode(), {"results": [{"index": echo}]})


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 413, 429, 500, 503])
def test_no_echo_is_told(status: int, echo: Callable[[str], str]) -> None:
    """Wherever and however an answer repeats the request or the key, no message shows any of it."""
    private = (REQUEST.query, *REQUEST.texts(), "Alice", KEY)
    request = REQUEST.model_copy(update={"documents": (*REQUEST.documents, "Alice")})
    for body in (body for text in private for body in shapes(echo(text))):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = Reply(status, data, {"x-request-id": echo("Alice")})
        error = fault(reply, request, key=KEY)
        if status == 200:
            error = malformed("no results", reply, body, request, key=KEY)
        told = f"{error} {error.request_id} {error.pattern}".casefold()
        said = ("alice", "prevent", "预防", "what to do", "canary", "doctor", "nurse", "\\u9884")
        assert not any(each in told for each in said), told


@pytest.mark.parametrize("body", [b"its words", {"message": "its words"}, "its words"])
def test_an_answers_words_are_kept_for_the_operator(body: object) -> None:
    """What came is kept beside the error, from its beginning, and not in its message."""
    assert "its words" in met(400, body).said
    assert "its words" not in str(met(400, body))
    reply = Reply(200, b"w" * (MOST_KEPT_BYTES + 1))
    assert malformed("broken", reply, None, REQUEST).said == "w" * MOST_KEPT_BYTES


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "detail", "msg", "loc"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.integers(0, 1200), st.binary(max_size=200) | json_values.map(as_json))
def test_any_answer_has_a_class_and_a_short_message(status: int, body: bytes) -> None:
    """Whatever comes with whatever status is one of our errors, on one short line."""
    error = met(status, body)
    assert isinstance(error, UpstreamError)
    assert str(error).isprintable()
    assert len(str(error)) < 250


@pytest.mark.parametrize("words", ["用户额度不足", "rate limit", "余额不足 无可用渠道"])
@pytest.mark.parametrize(("status", "kind"), [(401, BadKey), (500, Transient), (422, Refused)])
def test_words_of_the_request_decide_nothing(
    words: str, status: int, kind: type[UpstreamError]
) -> None:
    """A document about empty accounts that a vendor quotes parks no key."""
    request = RerankRequest(query="q?", documents=(f"{words}, as the whole document says",))
    for quoted in ("cannot rank: {}", "{}", "Error: {}", "no rank for {}", '"{}"'):
        body = json.dumps(gateway(quoted.format(request.texts()[0]))).encode()
        assert type(fault(Reply(status, body), request)) is kind


@pytest.mark.parametrize("status", [400, 404, 422])
def test_words_about_the_account_do_not_count_where_the_request_is_at_fault(status: int) -> None:
    """Under 400, 404 or 422 words about limits and balances may be the request's own."""
    assert type(met(status, gateway("unexpected: 余额不足"))) is Refused
    assert type(met(status, gateway("unexpected: rate limit"))) is Refused


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (gateway("its words"), UNDER_200),
        ({"error": "its words"}, UNDER_200),
        ({"detail": "its words"}, UNDER_200),
        ({"code": 7, "message": "its words"}, UNDER_200),
        ({"error": True}, UNDER_200),
        ({"error": None, "results": []}, "no results"),
        ({"code": "", "results": []}, "no results"),
        ([], "no results"),
        (None, "no results"),
    ],
)
def test_answer_that_is_no_ranking_says_why(body: object, message: str) -> None:
    """Under status 200 an error in place of results speaks for itself; else the reason stands."""
    reply = Reply(200, b"", {"x-request-id": "2025"})
    error = malformed("no results", reply, body, REQUEST, key=KEY)
    assert str(error) == f"{message} (request id 2025)"
    assert (error.status, error.request_id) == (200, "2025")


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Please log in</body></html>",
        b"\xef\xbb\xbf \n<html>",
        "<p>预防感冒应勤洗手</p>".encode(),
    ],
)
def test_a_page_in_place_of_a_ranking_is_no_endpoints(body: bytes) -> None:
    """A web page under status 200, as of a login, is not the endpoint's: it says what to check."""
    error = malformed("broken JSON", Reply(200, body), None, REQUEST, key=KEY)
    assert type(error) is WrongEndpoint
    assert "RERANKQ_UPSTREAM_URL" in str(error)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("3 of 5 results", "4 of 7 results", True),
        ("3 of 5 results", "broken JSON", False),
    ],
)
def test_nonsense_is_known_again(first: str, second: str, *, alike: bool) -> None:
    """Malformed answers are told apart by what is wrong with them, not by what they hold."""
    errors = [
        malformed(reason, Reply(200, body), None, REQUEST, key=KEY)
        for reason, body in ((first, b"{}"), (second, b'{"id": 7}'))
    ]
    assert (errors[0].pattern == errors[1].pattern) is alike


WINDOW = "您已达到总请求数限制\uff1a2分钟内最多请求100次"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_broken_upstream_says_how_long(status: int) -> None:
    """Retry-After is kept of whatever comes with it: it was made for a 503."""
    error = met(status, b"", retry_after="30")
    assert (type(error), error.retry_after) == (Transient, 30)
    assert met(status).retry_after is None


@pytest.mark.parametrize(
    ("headers", "words", "seconds"),
    [
        ({"retry_after": "7", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "9"}, "", 7),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "9"}, "", 9),
        ({"x_ratelimit_remaining": "3", "x_ratelimit_reset": "9"}, "", None),
        ({}, WINDOW, 120),
        ({}, "您已达到请求数限制:1分钟内最多请求1次", 60),
        ({"retry_after": "3"}, WINDOW, 3),
        ({}, "请求过于频繁", None),
    ],
)
def test_throttling_says_how_long(
    headers: dict[str, str], words: str, seconds: float | None
) -> None:
    """Retry-After goes first, then the time of a renewed allowance, then the window in words."""
    error = met(429, gateway(words), **headers)
    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><title>Just a moment...</title>",
        b"\xef\xbb\xbf\r\n<html><body>Access denied | Cloudflare: invalid api key</body></html>",
        b"<!-- blocked --><HTML></HTML>",
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_page_parks_no_key(status: int, page: bytes) -> None:
    """An HTML page, as of a firewall, says nothing of a key: the site is at fault, not the key."""
    error = met(status, page)
    assert (type(error), error.cause) == (WrongEndpoint, Cause.PAGE)
    assert "firewall" in str(error)
    assert type(met(status)) is BadKey
