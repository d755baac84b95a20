import pytest

from rerankq_gateway.errors import GatewayError
from rerankq_gateway.files.ranges import Wanted, wanted

TAG = '"abc"'
SIZE = 100
ROWS: list[tuple[str, tuple[int, int, int]]] = [
    ("", (200, 0, 100)),
    ("bytes=0-", (206, 0, 100)),
    ("bytes=0-0", (206, 0, 1)),
    ("bytes=10-19", (206, 10, 20)),
    ("Bytes = 10-19", (206, 10, 20)),
    ("bytes=90-1000", (206, 90, 100)),
    ("bytes=99-", (206, 99, 100)),
    ("bytes=-10", (206, 90, 100)),
    ("bytes=-1000", (206, 0, 100)),
    # What is not understood is ignored, as if it were not there.
    ("bytes=20-10", (200, 0, 100)),
    ("bytes=-", (200, 0, 100)),
    ("bytes=a-b", (200, 0, 100)),
    ("bytes=0-1,5-6", (200, 0, 100)),
    ("rows=0-1", (200, 0, 100)),
    ("bytes=1", (200, 0, 100)),
    (f"bytes={'9' * 30}-", (200, 0, 100)),
]


@pytest.mark.parametrize(("asked", "answer"), ROWS)
def test_ranges_as_rfc_9110_has_them(asked: str, answer: tuple[int, int, int]) -> None:
    """One range of bytes is a part; whatever else is asked for is the whole."""
    headers = {b"range": asked.encode()} if asked else {}
    assert wanted(headers, size=SIZE, etag=TAG) == Wanted(*answer, SIZE)


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=1000-2000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(asked: str) -> None:
    """416 says how many bytes there are."""
    with pytest.raises(GatewayError) as refused:
        wanted({b"range": asked.encode()}, size=SIZE, etag=TAG)
    problem = refused.value.problem
    assert problem.status == 416
    assert (b"content-range", b"bytes */100") in problem.own_headers()


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"abc"', 206),
        ('"abd"', 200),
        ('W/"abc"', 200),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 200),
    ],
)
def test_a_part_of_another_document_is_not_sent(condition: str, status: int) -> None:
    """`If-Range` must be the strong tag of this document; else all of it is sent."""
    headers = {b"range": b"bytes=50-", b"if-range": condition.encode()}
    assert wanted(headers, size=SIZE, etag=TAG).status == status


def test_the_headers_of_a_part_say_which() -> None:
    """Its place in the whole, its length, and the tag of the whole."""
    assert wanted({b"range": b"bytes=10-19"}, size=SIZE, etag=TAG).headers(TAG) == {
        "accept-ranges": "bytes",
        "content-length": "10",
        "content-range": "bytes 10-19/100",
        "etag": TAG,
    }
