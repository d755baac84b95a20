"""A look at the first bytes of an input, before they are read."""

from rerankq.cli.input.lines import Readable


class ReadingAhead:
    """An input whose next bytes can be looked at."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._held = b""

    @property
    def ahead(self) -> int:
        """How many bytes were looked at but not read yet."""
        return len(self._held)

    def look(self, size: int) -> bytes:
        """The next `size` bytes or more, fewer at the end; they can still be read."""
        while len(self._held) < size and (more := self._source.read(size)):
            self._held += more
        return self._held

    def look_at_line(self, most: int) -> bytes:
        """The next bytes: until a line that is not blank is complete, or `most`, or all."""
        while len(self._held) < most and b"\n" not in self._held.lstrip():
            more = self._source.read(most)
            if not more:
                break
            self._held += more
        return self._held

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; empty at the end."""
        if not self._held:
            return self._source.read(size)
        first, self._held = self._held[:size], self._held[size:]
        return first
