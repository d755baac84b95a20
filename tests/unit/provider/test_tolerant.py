"""Answers that break the rules of HTTP, and what is read from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_worker.provider.tolerant import TolerantReader

BODY = b'{"results": []}'
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ONE_CHUNK = b"f\r\n" + BODY + b"\r\n0\r\n\r\n"


def read(raw: bytes, step: int, *, ended: bool = False) -> tuple[int, bytes, bool]:
    """Status, body, and whether the answer is over."""
    reader, body = TolerantReader(), b""
    for at in range(0, len(raw), step):
        reader.feed(raw[at : at + step])
        body += reader.take()
    if ended:
        reader.end()
        body += reader.take()
    return reader.status, body, reader.over


READ = {
    "as it should be": OK + LENGTH + b"\r\n" + BODY,
    "length beside chunks": OK + LENGTH + CHUNKED + b"\r\n" + ONE_CHUNK,
    "chunks beside another length": OK + b"Content-Length: 3\r\n" + CHUNKED + b"\r\n" + ONE_CHUNK,
    "length twice": OK + LENGTH + LENGTH + b"\r\n" + BODY,
    "length as a list": OK + b"Content-Length: 15, 15\r\n\r\n" + BODY,
    "length with a sign": OK + b"Content-Length: +15\r\n\r\n" + BODY,
    "length folded": OK + b"Content-Length:\r\n  15\r\n\r\n" + BODY,
    "folded": OK + LENGTH + b"X-Note: a\r\n\tb\r\n\r\n" + BODY,
    "folded at once": OK + b" X-Note: a\r\n" + LENGTH + b"\r\n" + BODY,
    "bare lines": (OK + LENGTH).replace(b"\r", b"") + b"\n" + BODY,
    "empty lines before": b"\r\n\n" + OK + LENGTH + b"\r\n" + BODY,
    "control sign": OK + LENGTH + b"Set-Cookie: a=\x01\x00\x7f\xe9\rb\r\n\r\n" + BODY,
    "odd names": OK + LENGTH + b"X Note: a\r\nX-\xe9: b\r\n: c\r\nno colon\r\n\r\n" + BODY,
    "space before colon": OK + b"content-LENGTH : 15\r\n\r\n" + BODY,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + BODY,
    "odd reason": b"HTTP/1.1  200 \xe9\x01\r\n" + LENGTH + b"\r\n" + BODY,
    "odd version": b"HTTP/2 200\r\n" + LENGTH + b"\r\n" + BODY,
    "small letters": b"http/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "notices": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\n\n"
    + OK
    + LENGTH
    + b"\r\n"
    + BODY,
    "padded chunk size": OK + CHUNKED + b"\r\n  0f  \r\n" + BODY + b"\r\n0 \r\n\r\n",
    "chunk with extensions": OK + CHUNKED + b"\r\nf ; a = \x01\r\n" + BODY + b"\r\n0;b\r\n\r\n",
    "chunks without their ends": OK + CHUNKED + b"\r\nf\r\n" + BODY + b"0\r\n\r\n",
    "bare lines of chunks": OK + CHUNKED + b"\r\nf\n" + BODY + b"\n0\n\n",
    "odd trailers": OK + CHUNKED + b"\r\nf\r\n" + BODY + b"\r\n0\r\nX: \x01\r\nno colon\r\n\r\n",
    "identity beside a length": OK + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\n" + BODY,
}


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("raw", READ.values(), ids=READ)
def test_what_curl_reads_is_read(raw: bytes, step: int) -> None:
    """An odd answer with a clear meaning is read completely, in pieces of any size."""
    assert read(raw, step) == (200, BODY, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
        OK + b"Transfer-Encoding: identity\r\n\r\n" + BODY,
        OK + b"Content-Length: \r\n\r\n" + BODY,
        OK + CHUNKED + b"\r\nf\r\n" + BODY + b"\r\n0\r\n",
        OK + CHUNKED + b"\r\nf\r\n" + BODY + b"\r\n0\r\nX: trailer that br",
    ],
)
def test_an_answer_may_end_with_its_connection(raw: bytes) -> None:
    """A body without a length ends with the connection, and so do trailers that are cut off."""
    assert read(raw, 5)[2] is False
    assert read(raw, 5, ended=True) == (200, BODY, True)


def test_an_answer_without_a_body_is_over_with_its_head() -> None:
    """A 204 has no body, whatever its head says."""
    assert read(b"HTTP/1.1 204 No Content\n" + LENGTH + b"\n", 100) == (204, b"", True)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 0200 OK\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nx",
        OK + b"Content-Length: 15\r\nContent-Length: 14\r\n\r\n" + BODY,
        OK + CHUNKED + b"\r\nnone\r\n",
        OK + CHUNKED + b"\r\n\r\n\r\n",
        b"x" * 100_000,
    ],
)
def test_an_ambiguous_answer_is_refused(raw: bytes) -> None:
    """An answer whose meaning or length is not certain is refused."""
    with pytest.raises(ValueError, match=" "):
        read(raw, 1000)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        OK + b"Content-Le",
        OK + LENGTH + b"\r\n" + BODY[:-1],
        OK + CHUNKED + b"\r\nf\r\n" + BODY,
        OK + CHUNKED + b"\r\nf\r\n" + BODY + b"\r\n",
    ],
)
def test_an_answer_that_is_cut_off_is_refused(raw: bytes) -> None:
    """An answer whose connection ends before its body does is refused."""
    with pytest.raises(ValueError, match="it ends"):
        read(raw, 1000, ended=True)


@given(st.lists(st.sampled_from([OK, LENGTH, CHUNKED, b"\r\n", b"\n", b" ", BODY, b"f", b"0"])))
def test_any_bytes_are_read_or_refused(parts: list[bytes]) -> None:
    """Any bytes are an answer or refused, the same for any division into pieces."""

    def outcome(step: int) -> tuple[int, bytes, bool] | str:
        try:
            return read(b"".join(parts), step, ended=True)
        except ValueError as error:
            return str(error)

    assert outcome(1) == outcome(1000)
