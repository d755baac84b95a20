"""Segments: many rows compressed together, with a summary by which a search skips them.

The summary has the time span and the states of the rows. A list of hashes, 32 bits each and in
order, stands for what the rows have: ids, custom ids, batches, tenants, lanes, models, reasons and
metadata. What is not in the list is in none of the rows.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from zlib import crc32

import orjson

from rerankq.contract import DEFAULT_MODEL
from rerankq.history.rows import Row

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROWS: Final = 1000
"""Rows of a segment. More would compress little better, and a search would unpack more for each."""
HASHED: Final = ("id", "custom", "batch", "tenant", "lane", "model", "reason")
_LEVEL: Final = 1
_MOST_BYTES: Final = 64 * 1024 * 1024
_HASH_BYTES: Final = 4


class Packed(NamedTuple):
    """A segment as it is stored.

    Attributes:
        last: when the last of its jobs ended, in ms.
        summary: a `Summary` as JSON.
        hashes: of what its rows have.
        rows: its rows, compressed.
    """

    last: int
    summary: bytes
    hashes: bytes
    rows: bytes


class Summary(NamedTuple):
    """What a search reads first.

    Attributes:
        first: when the first of its jobs ended, in ms.
        last: when the last of them did.
        states: in which they ended.
    """

    first: int
    last: int
    states: frozenset[str]


def packed(rows: Sequence[Row]) -> Packed:
    """The segment of these rows, in their order."""
    ended = [fields for fields, _ in rows if fields]
    times = [each["finished"] for each in ended if isinstance(each.get("finished"), int)] or [0]
    first, last = min(times), max(times)
    states = {each["state"] for each in ended}
    return Packed(
        last,
        orjson.dumps([first, last, sorted(states)]),
        _in_order(_marks(ended)),
        zstd.compress(b"\n".join([line for _, line in rows]), _LEVEL),
    )


def summary_from(stored: bytes) -> Summary:
    """What `packed` summed up; it stands for all times and states when it cannot be read."""
    try:
        first, last, states = orjson.loads(stored)
        return Summary(int(first), int(last), frozenset(map(str, states)))
    except (ValueError, TypeError):
        return Summary(0, 2**53, frozenset())


def lines(stored: bytes) -> list[bytes]:
    """The rows of a segment, the oldest first; none when they are damaged."""
    try:
        return zstd.ZstdDecompressor().decompress(stored, _MOST_BYTES).split(b"\n")
    except zstd.ZstdError:
        return []


def mark(field: str, value: str) -> int:
    """The hash of what a row has."""
    return crc32(f"{field} {value}".encode(errors="replace"))


def may_have(hashes: bytes, marks: Iterable[int]) -> bool:
    """Whether a segment may have rows with all of these; if not, it has none."""
    stored = memoryview(_as_stored(hashes)[: len(hashes) // _HASH_BYTES * _HASH_BYTES]).cast("I")
    return all(_has(stored, each) for each in marks)


def _has(stored: "memoryview[int]", wanted: int) -> bool:
    at = bisect_left(stored, wanted)
    return at < len(stored) and stored[at] == wanted


def _marks(fields: Sequence[Mapping[str, Any]]) -> set[int]:
    marks = {mark("model", DEFAULT_MODEL)} if any("model" not in each for each in fields) else set()
    for name in HASHED:
        # The set of values first: most fields have a few values for many rows.
        found = {each[name] for each in fields if isinstance(each.get(name), str)}
        marks |= {mark(name, value) for value in found}
    noted = [each["metadata"] for each in fields if isinstance(each.get("metadata"), dict)]
    pairs = {f"{key} {value}" for each in noted for key, value in each.items()}
    return marks | {mark("metadata", pair) for pair in pairs}


def _in_order(marks: set[int]) -> bytes:
    return _as_stored(array("I", sorted(marks)).tobytes())


def _as_stored(hashes: bytes) -> bytes:
    """The same, with the lowest byte of each first, on every machine."""
    if sys.byteorder == "little":
        return hashes
    swapped = array("I", hashes)
    swapped.byteswap()
    return swapped.tobytes()
