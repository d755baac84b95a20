"""Splits JSONL into lines."""

from rerankq_gateway.lines.line import BadLine, Line


class LineSplitter:
    """Splits at line feeds. A line that is too long is dropped, and the next one is given again.

    Args:
        most_line: most bytes of a line.
    """

    def __init__(self, most_line: int) -> None:
        self._most = most_line
        self._number = 0
        self._rest: list[bytes] = []
        self._size = 0

    def split(self, data: bytes) -> list[Line | BadLine]:
        """The lines that are whole with these bytes."""
        *ended, rest = data.split(b"\n")
        found: list[Line | BadLine] = []
        for piece in ended:
            self._add(piece)
            self._take(found)
        self._add(rest)
        return found

    def end(self) -> list[Line | BadLine]:
        """The last line, which needs no line feed."""
        found: list[Line | BadLine] = []
        if self._size:
            self._take(found)
        return found

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._most:
            self._rest.clear()
        elif piece:
            self._rest.append(piece)

    def _take(self, found: list[Line | BadLine]) -> None:
        """Give the line that has been gathered, if it is not empty."""
        self._number += 1
        if self._size > self._most:
            found.append(too_long(self._number, self._most))
        elif content := b"".join(self._rest).strip():
            found.append(Line(self._number, content))
        self._rest.clear()
        self._size = 0


def too_long(number: int, most: int) -> BadLine:
    """What is said of a line that is longer than a job may be."""
    return BadLine(number, "", f"is over {most:,} bytes: split the job", "line_too_long")
