"""What error answers mean: real bodies, in all the shapes that they come in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import RerankRequest
from rerankq_worker.provider.faults import MOST_WORDS, ErrorAnswer, error_in_answer, fault
from rerankq_worker.upstream import (
    BadAccount,
    Malformed,
    Refused,
    Throttled,
    TooLarge,
    Transient,
    UpstreamError,
)

REQUEST = RerankRequest(
    query="如何预防感冒以及流感, and what to do\n when it came",
    documents=("预防感冒应勤洗手、戴口罩、多通风, says the doctor of the town", "乙"),
    instruction="rank for a nurse",
)


def met(status: int, body: object = b"", retry_after: str | None = None) -> UpstreamError:
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    answer = ErrorAnswer(status, data, retry_after, request_id="id-1")
    return fault(answer, REQUEST, key="sk-CANARY-of-the-account")


def gateway(message: str, code: Any = "", kind: str = "new_api_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": "", "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, gateway("当前分组上游负载已饱和", None), Throttled),
        (429, gateway("当前分组上游负载已饱和", "RateLimitReached", "rix_api_error"), Throttled),
        (429, b"", Throttled),
        (429, gateway("您已达到总请求数限制1分钟内最多请求100次"), Throttled),
        (500, gateway("rate limited", "rate_limit"), Throttled),
        (403, gateway("用户额度不足", "insufficient_user_quota"), BadAccount),
        (403, gateway("预扣费失败", "pre_consume_token_quota_failed"), BadAccount),
        (403, gateway("", "quota_not_enough"), BadAccount),
        (500, gateway("", "quota_not_enough"), BadAccount),
        (401, gateway("Token amount has been exhausted, RemainQuota = 0"), BadAccount),
        (401, gateway("无效的令牌"), BadAccount),
        (403, {"detail": "forbidden"}, BadAccount),
        (400, {"code": 20015, "message": "documents is empty", "data": None}, Refused),
        (400, gateway("bad", 400), Refused),
        (404, b"<html><body>404 Not Found</body></html>", Refused),
        (422, {"detail": [{"loc": ["body", "query"], "msg": "field required"}]}, Refused),
        (500, gateway("no such field", "invalid_request"), Refused),
        (413, b"<html>nginx</html>", TooLarge),
        (503, gateway("当前分组 default 下无可用渠道", "model_not_found"), Transient),
        (500, gateway("do request failed", "do_request_failed"), Transient),
        (500, gateway("bad response status code 502", "bad_response_status_code"), Transient),
        (500, b"", Transient),
        (502, b"<html><body>502 Bad Gateway</body></html>", Transient),
        (504, gateway("bad response body", "bad_response_body"), Transient),
        (524, b"", Transient),
        (408, b"", Transient),
        (302, b"", Refused),
        (418, b"", Refused),
        (204, b"", Malformed),
    ],
)
def test_each_answer_is_its_class(status: int, body: object, kind: type[UpstreamError]) -> None:
    """The body's code decides first and the status second, whatever shape the body has."""
    error = met(status, body)
    assert type(error) is kind
    assert (error.status, error.request_id) == (status, "id-1")
    assert str(error).startswith(f"the upstream answered {status}")
    assert "\n" not in str(error)


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
    ],
)
def test_words_are_found_in_every_shape(body: object) -> None:
    """The vendor's words stand in the message, wherever the body keeps them."""
    assert str(met(400, body)) == 'the upstream answered 400: "its words"'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"5", b'"text"', b"[]", b"<html>x</html>", b"\xff\xfe", b'{"error": null}',
        b'{"error": []}', b'{"error": {"message": null}}', b'{"message": 5}', b"[" * 5_000,
        b'{"error": {"message": "\\ud800"}}',
    ],
)  # fmt: skip
def test_body_without_words_is_named_by_its_status(body: bytes) -> None:
    """A body that says nothing readable leaves the status to speak."""
    assert str(met(500, body)) == "the upstream answered 500"


@given(st.integers(100, 599).filter(lambda status: status != 200), st.binary(max_size=60))
def test_any_answer_has_a_class(status: int, body: bytes) -> None:
    """Whatever comes with an error's status becomes one of our errors, and nothing else."""
    assert isinstance(met(status, body), UpstreamError)


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
        "index 1 (乙) is too short",
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
    assert "private" not in str(fault(ErrorAnswer(400, body), request))


@pytest.mark.parametrize(
    ("body", "is_error"),
    [
        (gateway("x"), True),
        ({"error": "x"}, True),
        ({"error": None, "results": []}, False),
        ({"results": []}, False),
        ({"error": {"message": "a warning"}, "results": []}, False),
        ([], False),
        (None, False),
    ],
)
def test_error_under_status_200_is_seen(body: object, *, is_error: bool) -> None:
    """An error body in place of results is an error, whatever its status."""
    assert error_in_answer(body) is is_error
