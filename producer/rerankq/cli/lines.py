"""Bytes to numbered lines, in bounded memory: a line over the limit is skipped unread."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

CHUNK_BYTES: Final = 256 * 1024


class Readable(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """What there is, at most `size` bytes; nothing at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """A line of input, counted from 1. `text` is None when it was too long to be kept."""

    number: int
    text: bytes | None


class _Pieces:
    """A line that comes in pieces."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self.length = 0

    def add(self, piece: bytes) -> None:
        self.length += len(piece)
        if self.length <= self._limit:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def take(self) -> bytes | None:
        text = b"".join(self._pieces) if self.length <= self._limit else None
        self._pieces.clear()
        self.length = 0
        return text


def read_lines(source: Readable, *, limit: int) -> Iterator[Line]:
    """The lines of a source, without their ends; the last need not have one."""
    number = 0
    pieces = _Pieces(limit)
    while chunk := source.read(CHUNK_BYTES):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            number += 1
            pieces.add(piece)
            yield Line(number, pieces.take())
        pieces.add(rest)
    if pieces.length:
        yield Line(number + 1, pieces.take())
