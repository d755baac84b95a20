"""Maps error answers to rerankq's errors; what messages show, and what they never show."""

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
    Malformed,
    Refused,
    Throttled,
    Transient,
    UpstreamError,
    WrongEndpoint,
)

KEY = "sk-CANARY-of-the-account"
UNDER_200 = "the upstream answered with an error under status 200"


def as_json(value: object) -> bytes:
    """The value as JSON; empty if it has no JSON form."""
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
    """The error has the upstream's request id, and its message shows it."""
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
    """An id with odd characters, a very long one, or one that contains the key is dropped."""
    assert request_id_of({"x-request-id": header}, KEY) is None
    error = met(400, {"request_id": header}, x_request_id=header)
    assert (error.request_id, str(error)) == (None, "the upstream answered 400")


@pytest.mark.parametrize(
    "header", ["2025-canary-0f", "accountof", KEY[3:17], "sk-", "the.ACCOUNT:7"]
)
def test_request_id_that_does_not_reveal_the_key_is_kept(header: str) -> None:
    """An id that shares only a word with the key is kept."""
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
"""How a vendor may change a text that it repeats."""


def shapes(echo: str) -> Iterator[object]:
    """Bodies that contain an echo, in every place where vendors put text."""
    for place in ("message", "code", "type", "param", "detail", "msg", "request_id"):
        yield {"error": {place: echo}, "request_id": echo}
        yield {place: echo}
    yield from ({"detail": [{"msg": echo, "loc": [echo], "input": echo}]}, {"error": echo}, echo)
    yield from (echo.encode(), f"<html>{echo}</html>".encode(), {"results": [{"index": echo}]})


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 413, 429, 500, 503])
def test_no_echo_is_shown(status: int, echo: Callable[[str], str]) -> None:
    """No message shows a text of the request or the key that an answer repeats in any form."""
    private = (REQUEST.query, *REQUEST.texts(), "Alice", KEY)
    request = REQUEST.model_copy(update={"documents": (*REQUEST.documents, "Alice")})
    for body in (body for text in private for body in shapes(echo(text))):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = Reply(status, data, {"x-request-id": echo("Alice")})
        error = fault(reply, request, key=KEY)
        if status == 200:
            error = malformed(Malformed("no results"), reply, body, request, key=KEY)
        told = f"{error} {error.request_id} {error.pattern}".casefold()
        said = ("alice", "prevent", "预防", "what to do", "canary", "doctor", "nurse", "\\u9884")
        assert not any(each in told for each in said), told


@pytest.mark.parametrize("body", [b"its words", {"message": "its words"}, "its words"])
def test_an_answers_words_are_kept_for_the_operator(body: object) -> None:
    """The beginning of the answer is kept with the error, but not in its message."""
    assert "its words" in met(400, body).said
    assert "its words" not in str(met(400, body))
    reply = Reply(200, b"w" * (MOST_KEPT_BYTES + 1))
    assert malformed(Malformed("broken"), reply, None, REQUEST).said == "w" * MOST_KEPT_BYTES


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
    """Any body with any status gives one of rerankq's errors, with a short one-line message."""
    error = met(status, body)
    assert isinstance(error, UpstreamError)
    assert str(error).isprintable()
    assert len(str(error)) < 250


@pytest.mark.parametrize("words", ["用户额度不足", "rate limit", "余额不足 无可用渠道"])
@pytest.mark.parametrize(("status", "kind"), [(401, BadKey), (500, Transient), (422, Refused)])
def test_words_of_the_request_decide_nothing(
    words: str, status: int, kind: type[UpstreamError]
) -> None:
    """If a vendor quotes a document about empty accounts, no key is parked."""
    request = RerankRequest(query="q?", documents=(f"{words}, as the whole document says",))
    for quoted in ("cannot rank: {}", "{}", "Error: {}", "no rank for {}", '"{}"'):
        body = json.dumps(gateway(quoted.format(request.texts()[0]))).encode()
        assert type(fault(Reply(status, body), request)) is kind


@pytest.mark.parametrize("status", [400, 404, 422])
def test_words_about_the_account_do_not_count_under_a_400(status: int) -> None:
    """Under 400, 404 or 422 words about limits and balances may be quoted from the request."""
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
    """With status 200 the message says that an error came, or what is wrong with the answer."""
    reply = Reply(200, b"", {"x-request-id": "2025"})
    error = malformed(Malformed("no results"), reply, body, REQUEST, key=KEY)
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
def test_a_page_instead_of_a_ranking_means_a_wrong_endpoint(body: bytes) -> None:
    """A web page with status 200, such as a login, means a wrong endpoint; the error says so."""
    error = malformed(Malformed("broken JSON"), Reply(200, body), None, REQUEST, key=KEY)
    assert type(error) is WrongEndpoint
    assert "RERANKQ_UPSTREAM_URL" in str(error)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("3 of 5 results", "4 of 7 results", True),
        ("3 of 5 results", "broken JSON", False),
    ],
)
def test_repeated_malformed_answers_are_recognised(first: str, second: str, *, alike: bool) -> None:
    """Malformed answers are compared by what is wrong with them, not by their content."""
    errors = [
        malformed(Malformed(reason), Reply(200, body), None, REQUEST, key=KEY)
        for reason, body in ((first, b"{}"), (second, b'{"id": 7}'))
    ]
    assert (errors[0].pattern == errors[1].pattern) is alike


WINDOW = "您已达到总请求数限制\uff1a2分钟内最多请求100次"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_broken_upstream_says_how_long(status: int) -> None:
    """Retry-After is kept with any status, as it was made for 503."""
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
    """Retry-After counts first, then the reset of an allowance, then a window in words."""
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
    """An HTML page, such as a firewall's, says nothing about a key: the site is at fault."""
    error = met(status, page)
    assert (type(error), error.cause) == (WrongEndpoint, Cause.PAGE)
    assert "firewall" in str(error)
    assert type(met(status)) is BadKey
