"""Splits bytes into numbered lines, in bounded memory: the text of a too long line is dropped."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from rerankq.cli.failures import CommandError

CHUNK_BYTES: Final = 256 * 1024
MOST_EMPTY_BYTES: Final = 1024 * 1024 * 1024
"""Most bytes between two lines that could be jobs."""


class Readable(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; empty at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """A line of input, numbered from 1. `text` is None when it was too long."""

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
    """The lines of a source, without their ends; the last need not have one.

    Raises:
        CommandError: for `MOST_EMPTY_BYTES` there was no line that could be a job: a decompression
            bomb, or not text.
    """
    number = empty = 0
    pieces = _Pieces(limit)
    while chunk := source.read(CHUNK_BYTES):
        empty += len(chunk)
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            number += 1
            pieces.add(piece)
            text = pieces.take()
            if text and not text.isspace():
                empty = 0
            yield Line(number, text)
        pieces.add(rest)
        if empty > MOST_EMPTY_BYTES:
            raise CommandError(
                f"from line {number} on, {MOST_EMPTY_BYTES:,} bytes have no line that could be a "
                "job: the rest is not read"
            )
    if pieces.length:
        yield Line(number + 1, pieces.take())
