"""JSON with faults, and what is read from it."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_worker.provider.answer_json import loads


def read(body: bytes, content_type: str = "application/json") -> Any:
    return loads(body, {"content-type": content_type})


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf \r\n{"a": 1}\n', {"a": 1}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        (b'{"a": Infinity, "b": -1e999}', {"a": math.inf, "b": -math.inf}),
        (b'{"a": 123456789012345678901}', {"a": 123456789012345678901.0}),
        (b'{"a": NaN, "b": %s}' % (b"9" * 5000), None),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b'{"a": "b\x01\tc\n"}', {"a": "b\x01\tc\n"}),
        (rb'{"a": "\x41\'\_ \u00 \\n \" \u0041"}', {"a": r"\x41\'\_ \u00 \n " + '" A'}),
        (b'{"a": "\xff\xfe"}', {"a": "\ufffd\ufffd"}),
    ],
)
def test_json_with_small_faults_is_read(body: bytes, value: Any) -> None:
    """With a byte order mark, NaN, very long numbers or odd texts the rest is still read."""
    found = read(body)
    assert value is None or found == value


def test_a_charset_that_is_named_is_used() -> None:
    """A gateway may answer in GBK if it says so; an unknown charset is ignored."""
    assert read('{"a": "预防感冒"}'.encode("gbk"), "application/json; charset=GBK") == {
        "a": "预防感冒"
    }
    assert read(b'\xef\xbb\xbf{"a": 1}', "application/json; charset=none") == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"[1,]", b"[" * 100_000, b'{"a": "\\'])
def test_broken_json_is_an_error(body: bytes) -> None:
    """JSON that is cut off, or no JSON at all, is an error: nothing is guessed."""
    with pytest.raises(ValueError, match=" "):
        read(body)


@given(st.binary(max_size=60) | st.text('{}[]",:\\u0189eN.- a', max_size=60).map(str.encode))
def test_any_body_is_a_value_or_an_error(body: bytes) -> None:
    """Any bytes give a value or a ValueError."""
    try:
        read(body)
    except ValueError:
        return
