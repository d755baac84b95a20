"""Splits a body into lines, in bounded memory: JSONL, or a JSON array, told by the first byte."""

from collections.abc import AsyncIterator
from typing import Final, Protocol

from rerankq_gateway.lines.json_array import ArraySplitter
from rerankq_gateway.lines.json_lines import LineSplitter
from rerankq_gateway.lines.line import BadLine, Line

SLICE_BYTES: Final = 1024 * 1024
"""So much is gathered before it is split: a large line is then looked at a few times only."""
_BOM: Final = b"\xef\xbb\xbf"


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
        UnreadableLines: a JSON array is damaged. The lines before were given.
    """
    splitter: Splitter | None = None
    async for data in _slices(chunks):
        if splitter is None:
            text = data.removeprefix(_BOM)
            is_array = text.lstrip().startswith(b"[")
            splitter = ArraySplitter(most_line) if is_array else LineSplitter(most_line)
            portion = splitter.split(text)
        else:
            portion = splitter.split(data)
        if portion:
            yield portion
    if splitter and (portion := splitter.end()):
        yield portion


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
