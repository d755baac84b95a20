import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_gateway.errors import GatewayError
from rerankq_gateway.files.multipart import Event, Part, PartEnd, boundary_of, events

BOUNDARY = b"--x9Z'()+_,-./:=?"
PARTS = st.lists(
    st.tuples(
        st.text("abcdefghij_[]", min_size=1, max_size=8),
        st.none() | st.text("abc. ü\\", min_size=1, max_size=8),
        st.binary(max_size=60) | st.just(b"\r\n--" + BOUNDARY[:-1]) | st.just(b"\r\n\r\n--"),
    ),
    min_size=1,
    max_size=5,
)


def form(parts: list[tuple[str, str | None, bytes]]) -> bytes:
    """The body that a client sends."""
    body = b""
    for name, filename, content in parts:
        quoted = (
            "" if filename is None else f'; filename="{filename.replace(chr(92), chr(92) * 2)}"'
        )
        head = f'Content-Disposition: form-data; name="{name}"{quoted}'.encode()
        body += b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"
    return body + b"--" + BOUNDARY + b"--\r\n"


async def cut(data: bytes, places: list[int]) -> AsyncIterator[bytes]:
    """The data in pieces that end at these places."""
    ends = sorted({place % (len(data) + 1) for place in places})
    for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
        yield data[start:end]


def read(data: bytes, places: list[int] | None = None) -> list[Event]:
    """All events of a form."""

    async def collected() -> list[Event]:
        return [event async for event in events(cut(data, places or []), BOUNDARY)]

    return asyncio.run(collected())


@given(PARTS, st.lists(st.integers(0, 10_000), max_size=8))
def test_a_form_is_read_wherever_it_is_cut(
    parts: list[tuple[str, str | None, bytes]], places: list[int]
) -> None:
    """Each part comes with its name, its file's name and its bytes, whatever these are."""
    found: list[tuple[str, str | None, bytes]] = []
    for event in read(form(parts), places):
        if isinstance(event, Part):
            found.append((event.name, event.filename, b""))
        elif not isinstance(event, PartEnd):
            name, filename, content = found[-1]
            found[-1] = name, filename, content + event
    assert [(name, content) for name, _, content in found] == [
        (name, content) for name, _, content in parts
    ]
    assert [each is None for _, each, _ in found] == [each is None for _, each, _ in parts]


@given(st.binary(max_size=200), st.integers(0, 400))
def test_a_damaged_form_is_refused(noise: bytes, at: int) -> None:
    """Whatever comes, it is read, or refused with 400: one that ends early always."""
    whole = form([("file", "a.jsonl", b"0123456789")])
    with pytest.raises(GatewayError) as early:
        read(whole[: min(at, len(whole) - 5)])
    assert early.value.problem.status == 400
    with suppress(GatewayError):
        read(noise + whole[at:])


def test_a_form_has_few_parts() -> None:
    """A form of endless parts is refused before it fills the memory."""
    with pytest.raises(GatewayError, match="more than 20 parts"):
        read(form([("a", None, b"1")] * 21))


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (b"application/json", 415),
        (b"", 415),
        (b"multipart/form-data", 400),
        (b"multipart/form-data; boundary=", 400),
    ],
)
def test_what_is_no_form_is_refused(content_type: bytes, status: int) -> None:
    """Another content type is 415; a form without a boundary is 400."""
    with pytest.raises(GatewayError) as refused:
        boundary_of(content_type)
    assert refused.value.problem.status == status
    assert boundary_of(b'Multipart/Form-Data; boundary="a b"') == b"a b"
