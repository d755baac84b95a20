"""From an error answer to our error: what is shown of it, and what never is."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import RerankRequest
from rerankq_worker.provider.faults import Reply, fault, malformed, request_id_of
from rerankq_worker.provider.quoting import MOST_WORDS
from rerankq_worker.upstream.port import (
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
    assert str(error) == 'the upstream answered 400: "no" (request id 2025)'


def test_request_id_that_the_words_hold_is_not_said_twice() -> None:
    """A gateway that ends its words with the request id needs no second mention of it."""
    error = met(400, gateway("no (request id: 2025)"), x_oneapi_request_id="2025")
    assert str(error) == 'the upstream answered 400: "no (request id: 2025)"'


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


@pytest.mark.parametrize(
    "body",
    [
        gateway("its words", None),
        gateway("its words", ""),
        gateway("its words", 1001),
        gateway("its words", ["odd"]),
        {"error": "its words"},
        {"code": 20015, "message": "its words", "data": None},
        {"detail": "its words"},
        {"error": {"detail": "its words", "message": ""}},
        {"error": None, "msg": "its words"},
        "its words",
        b"its words",
        {"detail": {"code": "X", "message": "its words"}},
        {"detail": [{"msg": "its words", "input": "secret"}, "odd", {"loc": []}]},
    ],
)
def test_words_are_found_in_every_shape(body: object) -> None:
    """The vendor's words stand in the message, wherever the body keeps them."""
    assert str(met(400, body)) == 'the upstream answered 400: "its words"'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"5", b"[]", b"<html>x</html>", b"\xff\xfe", b'{"error": null}',
        b'{"error": []}', b'{"detail": [7]}', b"\xe7\x94", b"[" * 5_000,
        b'{"error": {"message": null}}', b'{"message": 5}',
        b'{"error": {"message": "\\ud800"}}',
    ],
)  # fmt: skip
def test_body_without_words_is_named_by_its_status(body: bytes) -> None:
    """A body that says nothing readable leaves the status to speak."""
    assert str(met(500, body)) == "the upstream answered 500"


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
    assert len(str(error)) < MOST_WORDS + 150


@given(
    status=st.integers(300, 599),
    private=st.sampled_from([REQUEST.texts()[0], REQUEST.query, REQUEST.instruction or "", KEY]),
    place=st.sampled_from(["error", "detail", "message", "msg", "code"]),
    ahead=st.integers(0, 300),
    escaped=st.booleans(),
)
def test_no_shape_of_echo_shows_the_request_or_the_key(
    status: int, private: str, place: str, ahead: int, *, escaped: bool
) -> None:
    """Wherever a body repeats the request or the key, however escaped, the message does not."""
    echo = "w" * ahead + " " + (json.dumps(private) if escaped else private)
    shown = str(met(status, json.dumps({place: echo}).encode()))
    stretches = {private[at : at + 16] for at in range(len(private) - 15)}
    assert not any(stretch in shown for stretch in stretches)


def test_words_are_capped() -> None:
    """The vendor's words are cut, so that no answer fills a log."""
    message = str(met(400, gateway("w" * 10_000)))
    assert message.count("w") < MOST_WORDS + 5
    assert len(message) < MOST_WORDS + 50


@pytest.mark.parametrize(
    "words",
    [
        f"cannot rank: {REQUEST.query}",
        "invalid token sk-CANARY-of-the-account",
        f"cannot rank: {' '.join(REQUEST.query.split())}",
        f"cannot rank: {REQUEST.query[:30]}...",
        f"too long: {REQUEST.texts()[0][:40]}",
        f"too long: {REQUEST.texts()[0][:6]}",
        f"no {json.dumps(REQUEST.query)}",
    ],
)
def test_words_that_repeat_the_request_are_withheld(words: str) -> None:
    """Words that repeat the query or a document are withheld, however they are spaced."""
    message = str(met(400, gateway(words)))
    assert message == (
        "the upstream answered 400 (its words are withheld: they repeat the request)"
    )


def test_white_space_at_the_front_hides_no_repetition() -> None:
    """A document that begins with blanks is recognised by its first words all the same."""
    request = RerankRequest(query="q?", documents=("\n\t  \n" + "private words " * 20,))
    body = json.dumps(gateway("bad: " + "private words " * 20)).encode()
    assert "private" not in str(fault(Reply(400, body), request))


@pytest.mark.parametrize(
    "words",
    ["[sk-abc***xyz] is used up", "pa-AzW3IkGcU3rxPOjj is used up", "jina_0a1b2c3d4e is used up"],
)
def test_what_looks_like_a_key_is_blotted_out(words: str) -> None:
    """A key that a vendor quotes, masked or another's, is not passed on."""
    assert "[key]" in str(met(401, gateway(words)))


@pytest.mark.parametrize("words", ["用户额度不足", "rate limit", "余额不足 无可用渠道"])
@pytest.mark.parametrize(("status", "kind"), [(401, BadKey), (500, Transient), (422, Refused)])
def test_words_of_the_request_decide_nothing(
    words: str, status: int, kind: type[UpstreamError]
) -> None:
    """A document about empty accounts that a vendor quotes parks no key."""
    request = RerankRequest(query="q?", documents=(f"{words}, as the whole document says",))
    body = json.dumps(gateway(f"cannot rank: {request.texts()[0]}")).encode()
    assert type(fault(Reply(status, body), request)) is kind


@pytest.mark.parametrize("status", [400, 404, 422])
def test_words_about_the_account_do_not_count_where_the_request_is_at_fault(status: int) -> None:
    """Under 400, 404 or 422 words about limits and balances may be the request's own."""
    assert type(met(status, gateway("unexpected: 余额不足"))) is Refused
    assert type(met(status, gateway("unexpected: rate limit"))) is Refused


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (gateway("its words"), f'{UNDER_200}: "its words"'),
        ({"error": "its words"}, f'{UNDER_200}: "its words"'),
        ({"detail": "its words"}, f'{UNDER_200}: "its words"'),
        ({"code": 7, "message": "its words"}, f'{UNDER_200}: "its words"'),
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


def test_error_under_status_200_shows_nothing_of_the_request() -> None:
    """An error under status 200 that repeats the request is withheld like any other."""
    error = malformed("no results", Reply(200, b""), {"error": REQUEST.query}, REQUEST, key=KEY)
    assert "withheld" in str(error)


ROW = '{"results": [{"index": 0, "document": {"text": "%s"}, "score": 1}]}'


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"\x1f\x8b\x00", ""),
        (b"{}", ': "{}"'),
        (b'{"results" : ["a", {"b":"c"}]}', ': "{"results" : ["…", {"b":"…"}]}"'),
        ((ROW % r"a text \" of any length").encode(), f': "{ROW % "…"}"'),
        (b'{"document": "what the cut goes thr', ': "{"document": "…""'),
        ("「预防感冒应勤洗手」".encode(), " (its words are withheld: they repeat the request)"),
        (b"x" * 10_000, f': "{"x" * MOST_WORDS}"'),
    ],
)
def test_answer_that_is_no_ranking_shows_how_it_begins(body: bytes, shown: str) -> None:
    """What is no ranking is quoted from its beginning, without the texts that it may hold."""
    error = malformed("no results", Reply(200, body), None, REQUEST, key=KEY)
    assert str(error) == f"no results{shown}"


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
