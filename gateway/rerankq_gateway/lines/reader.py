"""Splits a body into lines, in bounded memory: JSONL, or a JSON array, told by the first byte."""

from collections.abc import AsyncIterator
from typing import Final, Protocol

from rerankq_gateway.lines.json_array import ArraySplitter
from rerankq_gateway.lines.json_lines import LineSplitter
from rerankq_gateway.lines.line import INVALID_JSON, BadLine, Line, UnreadableLines

SLICE_BYTES: Final = 1024 * 1024
"""So much of an array is gathered before it is split: a large entry is then looked at a few times
only. Lines are split as they come."""
_BOM: Final = b"\xef\xbb\xbf"
_PACKED: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "Zstandard"}
_ENOUGH: Final = 4
"""So many bytes tell whether there is a mark at the beginning."""


class Splitter(Protocol):
    """Splits one of the forms of input."""

    def split(self, data: bytes) -> list[Line | BadLine]:
        """The lines that are whole with these bytes.

        Raises:
            UnreadableLines: what follows cannot be split.
        """

    def end(self) -> list[Line | BadLine]:
        """The rest, once there are no more bytes.

        Raises:
            UnreadableLines: something is missing.
        """


async def lines(
    chunks: AsyncIterator[bytes], *, most_line: int
) -> AsyncIterator[list[Line | BadLine]]:
    """The lines of an input, in portions; none is empty.

    Args:
        chunks: the input as it comes, cut anywhere.
        most_line: most bytes of a line; a longer one is bad.

    Raises:
        UnreadableLines: it is packed, or a JSON array is damaged. The lines before were given.
    """
    begun = b""
    async for data in chunks:
        begun += data
        if len(begun) >= _ENOUGH and (len(begun) > SLICE_BYTES or not begun.isspace()):
            break
    for mark, name in _PACKED.items():
        if begun.startswith(mark):
            said = f"packed with {name}: unpack it, or name that in Content-Encoding"
            raise UnreadableLines(BadLine(1, "", said, INVALID_JSON))
    text = begun.removeprefix(_BOM)
    whole = _followed(text, chunks)
    splitter: Splitter
    if text.lstrip().startswith(b"["):
        splitter, source = ArraySplitter(most_line), _slices(whole)
    else:
        splitter, source = LineSplitter(most_line), whole
    async for data in source:
        if portion := splitter.split(data):
            yield portion
    if text and (portion := splitter.end()):
        yield portion


async def _followed(begun: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What was read so far, and then the rest."""
    yield begun
    async for chunk in chunks:
        yield chunk


async def _slices(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in slices of about a mebibyte."""
    gathered: list[bytes] = []
    size = 0
    async for chunk in chunks:
        gathered.append(chunk)
        size += len(chunk)
        if size >= SLICE_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)
