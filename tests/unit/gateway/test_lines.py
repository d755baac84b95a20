import asyncio
import gzip
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerankq.client.prepared import PreparedJob
from rerankq_gateway.lines import BadLine, Line, UnreadableLines, lines, reader, spooled

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST = 10_000
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=8), VALUES, max_size=4), max_size=8)
PLACES = st.lists(st.integers(0, 100_000), max_size=8)


async def cut(data: bytes, places: list[int]) -> AsyncIterator[bytes]:
    """The data in parts that end at these places."""
    ends = sorted({place % (len(data) + 1) for place in places})
    for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
        yield data[start:end]


def read(data: bytes, places: list[int] | None = None, most: int = MOST) -> list[Line | BadLine]:
    async def collected() -> list[Line | BadLine]:
        source = lines(cut(data, places or []), most_line=most)
        return [line async for portion in source for line in portion]

    return asyncio.run(collected())


def values(found: list[Line | BadLine]) -> list[Any]:
    return [json.loads(each.content) for each in found if isinstance(each, Line)]


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an input of the tests is looked at in several slices."""
    monkeypatch.setattr(reader, "SLICE_BYTES", 16)


@settings(max_examples=30)
@given(
    objects=OBJECTS,
    places=PLACES,
    is_ascii=st.booleans(),
    ending=st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_jsonl_is_the_same_wherever_it_is_cut(
    objects: list[Any], places: list[int], *, is_ascii: bool, ending: str
) -> None:
    """However a body is cut on its way, each line is given once, with its number."""
    text = ending.join(json.dumps(each, ensure_ascii=is_ascii) for each in objects)
    found = read(text.encode("utf-8", "surrogatepass"), places)
    assert values(found) == objects
    step = ending.count("\n")
    assert [each[0] for each in found] == [1 + at * step for at in range(len(objects))]


@settings(max_examples=30)
@given(
    objects=st.lists(VALUES, max_size=8),
    places=PLACES,
    indent=st.sampled_from([None, 2]),
    is_ascii=st.booleans(),
)
def test_an_array_is_the_same_wherever_it_is_cut(
    objects: list[Any], places: list[int], indent: int | None, *, is_ascii: bool
) -> None:
    """Its entries are those that a JSON reader finds, whatever their strings hold."""
    text = json.dumps(objects, indent=indent, ensure_ascii=is_ascii)
    found = read(b" \n" + text.encode("utf-8", "surrogatepass") + b"\n", places)
    assert values(found) == objects
    assert [each[0] for each in found] == list(range(1, len(objects) + 1))


@settings(max_examples=30)
@given(noise=st.binary(max_size=200), places=PLACES)
def test_any_bytes_give_lines_or_a_fault(noise: bytes, places: list[int]) -> None:
    """No input raises anything else, and no more lines come than the input can have."""
    for data in (noise, b"[" + noise):
        with suppress(UnreadableLines):
            assert len(read(data, places)) <= len(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'[{"a": 1}', "ends too early"),
        (b'[{"a": "x', "ends too early"),
        (b"[1] [2]", "something follows"),
        (b"[1}", "closes what no"),
    ],
)
def test_a_damaged_array_is_a_fault(data: bytes, reason: str) -> None:
    """An array that is cut off, or that something follows, is not taken for a whole one."""
    with pytest.raises(UnreadableLines) as caught:
        read(data)
    assert reason in caught.value.bad.reason


@pytest.mark.parametrize(
    ("data", "name"),
    [(gzip.compress(b"{}\n", mtime=0), "gzip"), (zstd.compress(b"{}\n"), "Zstandard")],
)
def test_packed_lines_are_named(data: bytes, name: str) -> None:
    """What was packed and does not say so is one fault, and no heap of damaged lines."""
    with pytest.raises(UnreadableLines, match=f"packed with {name}: unpack it"):
        read(data, [1])


def test_an_empty_entry_is_a_bad_line() -> None:
    """A comma too many is told, with the number of the entry."""
    found = read(b"[1,,2,]")
    assert [each.line for each in found if isinstance(each, BadLine)] == [2, 4]


@pytest.mark.parametrize("places", [[], [5], [1, 2, 3, 4, 5, 6, 7, 8, 9]])
def test_a_line_that_is_too_long_is_bad_and_the_next_is_read(places: list[int]) -> None:
    """It is dropped while it comes, and the lines after it are given."""
    found = read(b'{"a":1}\n"' + b"x" * 30 + b'"\n{"b":2}\n', places, most=20)
    assert [(type(each), each[0]) for each in found] == [(Line, 1), (BadLine, 2), (Line, 3)]


def test_an_entry_that_is_too_long_ends_the_reading() -> None:
    """Where a too long entry of an array ends is not known without holding it."""
    with pytest.raises(UnreadableLines) as caught:
        read(b'[{"a":1},"' + b"x" * 100 + b'"]', [50], most=20)
    assert (caught.value.bad.line, caught.value.bad.code) == (2, "line_too_long")


def test_a_mark_at_the_beginning_is_skipped() -> None:
    """A byte order mark, as some editors write it, belongs to no line."""
    for places in ([], [1], [2, 3, 4]):
        assert values(read(b'\xef\xbb\xbf{"a": 1}', places)) == [{"a": 1}]
        assert values(read(b'\xef\xbb\xbf[{"a": 1}]', places)) == [{"a": 1}]


@pytest.mark.parametrize("blank", [b"", b"\n", b" \n" * 100])
def test_blank_lines_before_the_first_are_counted(blank: bytes) -> None:
    """However many there are: the first line has the number that an editor shows."""
    found = read(blank + b'{"a": 1}', [1])
    assert [each[0] for each in found] == [blank.count(b"\n") + 1]
    assert values(read(blank + b"[2]", [1])) == [2]


def test_a_spool_gives_back_what_it_was_given(tmp_path: Path) -> None:
    """Jobs and faults come back in their order, from any position on, and no file is left."""

    async def source() -> AsyncIterator[list[Line | BadLine]]:
        yield [Line(at, b"x" * at) for at in range(1, 301)]
        yield [BadLine(301, "", "is over")]

    def check(line: Line) -> PreparedJob | BadLine:
        if line.number % 10 == 0:
            return BadLine(line.number, "query", "is required", custom_id="感冒")
        return PreparedJob(f"id-{line.number}", {"id": f"id-{line.number}"}, line.content)

    async def whole() -> None:
        with await spooled(source(), check, tmp_path) as spool:
            assert not any(tmp_path.iterdir())  # noqa: ASYNC240  nothing else runs
            assert (spool.count, spool.rejected, len(spool.bad)) == (270, 31, 31)
            for start in (0, 7, 300):
                back = [each async for portion in spool.entries(start=start) for each in portion]
                numbers = [line for line, _ in back]
                assert numbers == list(range(start + 1, 302))
                for line, entry in back[:300]:
                    expected = check(Line(line, b"x" * line)) if line < 301 else entry
                    assert entry == expected

    asyncio.run(whole())
