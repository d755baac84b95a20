import io
import tracemalloc

from rerankq.cli.input.lines import CHUNK_BYTES, Line, read_lines


class Dribble:
    """A source that gives a few bytes at a time, like a pipe."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = io.BytesIO(data)
        self._size = size

    def read(self, size: int) -> bytes:
        """The next bytes."""
        return self._data.read(min(size, self._size))


def lines(data: bytes, *, limit: int = 100, size: int = CHUNK_BYTES) -> list[Line]:
    return list(read_lines(Dribble(data, size), limit=limit))


def test_lines_are_numbered_from_one() -> None:
    """Each line has its number, blank ones too."""
    assert lines(b"a\n\nb\n") == [Line(1, b"a"), Line(2, b""), Line(3, b"b")]


def test_the_last_line_needs_no_end() -> None:
    """A file without a final newline loses nothing."""
    assert lines(b"a\nb") == [Line(1, b"a"), Line(2, b"b")]


def test_lines_do_not_depend_on_how_bytes_arrive() -> None:
    """A source may give one byte at a time."""
    data = "猫\n狗 and\n\n".encode() * 3
    assert lines(data, size=1) == lines(data, size=7) == lines(data)


def test_a_line_over_the_limit_is_dropped_alone() -> None:
    """A line that is too long has no text; the lines around it are complete."""
    data = b"a\n" + b"x" * 101 + b"\n" + b"y" * 100 + b"\nb"
    assert lines(data, size=10) == [
        Line(1, b"a"),
        Line(2, None),
        Line(3, b"y" * 100),
        Line(4, b"b"),
    ]


def test_an_endless_line_is_not_kept() -> None:
    """A line without end takes no more memory than the limit."""

    class Endless:
        def __init__(self) -> None:
            self.left = 200

        def read(self, size: int) -> bytes:
            self.left -= 1
            return b"x" * size if self.left else b""

    tracemalloc.start()
    try:
        assert list(read_lines(Endless(), limit=10 * CHUNK_BYTES)) == [Line(1, None)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * CHUNK_BYTES
