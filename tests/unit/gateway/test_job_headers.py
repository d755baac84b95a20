"""What a rerank call says in its headers."""

import pytest

from rerankq_gateway.asgi.job_headers import idempotency_key, trace_of
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.rerank.patience import patience
from rerankq_gateway.settings import MOST_WAIT_SECONDS
from running.asgi import Exchange

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("headers", "by_body", "expected"),
    [
        ({}, None, 60.0),
        ({}, 5.0, 5.0),
        ({b"x-request-timeout": b"7"}, 5.0, 7.0),
        ({b"x-stainless-read-timeout": b"2.5", b"x-request-timeout": b"7"}, None, 2.5),
        ({b"prefer": b"respond-async, wait=3", b"x-rerankq-timeout": b"9"}, 5.0, 3.0),
        ({b"prefer": b"handling=lenient;wait=3"}, None, 3.0),
        ({b"prefer": b"nowait=3"}, None, 60.0),
        ({b"x-rerankq-timeout": b"100000"}, None, MOST_WAIT_SECONDS),
    ],
)
def test_patience(headers: dict[bytes, bytes], by_body: float | None, expected: float) -> None:
    """`Prefer: wait` counts before the headers that clients send, these before the body."""
    assert patience(headers, by_body, otherwise=60.0) == expected


@pytest.mark.parametrize("value", [b"soon", b"nan", b"-1", b""])
def test_patience_that_is_no_number(value: bytes) -> None:
    """A header that is no number of seconds is named."""
    with pytest.raises(GatewayError, match="x-rerankq-timeout"):
        patience({b"x-rerankq-timeout": value}, None, otherwise=60.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b'"a-key"', "a-key"), (b"a-key", "a-key"), (rb'"a\"key"', 'a"key')],
)
def test_idempotency_key(value: bytes, expected: str) -> None:
    """The key may be quoted, as the draft says, or bare."""
    assert idempotency_key({b"idempotency-key": value}) == expected
    assert idempotency_key({}) is None


@pytest.mark.parametrize("value", [b"", b'""', b"a b", b"x" * 256, "ä".encode()])
def test_idempotency_key_that_is_none(value: bytes) -> None:
    """A key that is empty, too long or not visible ASCII is refused."""
    with pytest.raises(GatewayError, match="Idempotency-Key"):
        idempotency_key({b"idempotency-key": value})


def test_a_job_is_tied_to_its_request() -> None:
    """The job has the request's id, and the caller's span if it is one."""
    headers = [("X-Request-Id", "mine"), ("traceparent", PARENT), ("tracestate", "a=b")]
    assert trace_of(Exchange(headers=headers).request) == {
        "request_id": "mine",
        "traceparent": PARENT,
        "tracestate": "a=b",
    }
    assert trace_of(Exchange(headers=[*headers[:1], ("traceparent", "x")]).request) == {
        "request_id": "mine"
    }
