"""A look at the first bytes of an input, before they are read."""

from rerankq.cli.input.lines import Readable


class ReadingAhead:
    """An input whose next bytes can be looked at."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._held = b""

    @property
    def ahead(self) -> int:
        """How many bytes were looked at and not read."""
        return len(self._held)

    def look(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end, more where they have come; they stay there."""
        while len(self._held) < size and (more := self._source.read(size)):
            self._held += more
        return self._held

    def look_at_line(self, most: int) -> bytes:
        """What has come once the first line with anything in it is whole, `most` bytes, or all."""
        while len(self._held) < most and b"\n" not in self._held.lstrip():
            more = self._source.read(most)
            if not more:
                break
            self._held += more
        return self._held

    def read(self, size: int, /) -> bytes:
        """What there is, at most `size` bytes; nothing at the end."""
        if not self._held:
            return self._source.read(size)
        first, self._held = self._held[:size], self._held[size:]
        return first
