"""How many different pairs of query and document a file has, in bounded memory.

A pair is kept as a hash of 8 bytes. The hashes are sorted by their last byte into 256 parts; beyond
`MOST_HELD` hashes, 64 MiB, the parts are written to a temporary file that has no name. To count,
one part after the other is made a set: with a billion pairs that is 4 million hashes at a time.
Among 10 million pairs, two have the same hash by accident with a probability of 3 in a million.
"""

import tempfile
from array import array
from collections.abc import Iterable
from typing import IO, Final, Self

PARTS: Final = 256
MOST_HELD: Final = 8 * 1024 * 1024
_LAST_BYTE: Final = PARTS - 1
_SIGNED: Final = "q"


class PairTally:
    """Counts pairs, and how many of them are different.

    Args:
        most_held: so many hashes are held in memory.

    Attributes:
        pairs: how many were added.
    """

    def __init__(self, most_held: int = MOST_HELD) -> None:
        self.pairs = 0
        self._most_held = most_held
        self._held = 0
        self._parts = _empty()
        self._file: IO[bytes] | None = None
        self._written: list[list[int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def add(self, asked: object, documents: Iterable[str]) -> None:
        """Add the pairs of a job.

        Args:
            asked: all but the document that can change a score, such as model and query; hashable.
            documents: the texts.
        """
        parts, prefix, added = self._parts, hash(asked), 0
        for document in documents:
            number = hash((prefix, document))
            parts[number & _LAST_BYTE].append(number)
            added += 1
        self.pairs += added
        self._held += added
        if self._held >= self._most_held:
            self._write()

    def different(self) -> int:
        """How many of the pairs are different."""
        return sum(len(set(self._part(number))) for number in range(PARTS))

    def _write(self) -> None:
        self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        for part in self._parts:
            part.tofile(self._file)
        self._written.append([len(part) for part in self._parts])
        self._parts, self._held = _empty(), 0

    def _part(self, number: int) -> "array[int]":
        part = array(_SIGNED, self._parts[number])
        start = 0
        for lengths in self._written:
            assert self._file is not None  # noqa: S101  what was written is in it
            self._file.seek((start + sum(lengths[:number])) * part.itemsize)
            part.fromfile(self._file, lengths[number])
            start += sum(lengths)
        return part


def _empty() -> "list[array[int]]":
    return [array(_SIGNED) for _ in range(PARTS)]
