"""Reads an HTTP/1 answer that breaks the rules in ways that curl and browsers accept too.

Such an answer has been paid for. Its status, headers and body are read, and its faults ignored; its
connection is not used again. Only an answer whose length is not certain is refused. The rules are
those of RFC 9112.
"""

import re
from collections.abc import Generator
from contextlib import suppress
from typing import Final

INFORMATIONAL: Final = 200
SWITCHING_PROTOCOLS: Final = 101
WITHOUT_BODY: Final = {204, 304}
MOST_LINE_BYTES: Final = 64 * 1024
_START: Final = re.compile(rb"\s*HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_CHUNK: Final = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})(?![0-9a-fA-F])")
_LENGTH: Final = re.compile(rb"\+?(\d{1,15})")

Headers = list[tuple[bytes, bytes]]
_Steps = Generator[None, None, None]


class TolerantReader:
    """Reads one answer as its bytes come in.

    Attributes:
        status: the answer's status; 0 until its head has come.
        headers: the answer's headers, without lines that are no headers.
        over: whether the whole answer has come.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self.over = False
        self._bytes = bytearray()
        self._body = bytearray()
        self._ended = False
        self._steps = self._read()

    def feed(self, data: bytes) -> None:
        """Read the next bytes.

        Raises:
            ValueError: this is no answer; says what is wrong.
        """
        self._bytes += data
        self._advance()

    def end(self) -> None:
        """Tell the reader that no more bytes will come.

        Raises:
            ValueError: as `feed` does.
        """
        self._ended = True
        self._advance()

    def take(self) -> bytes:
        """The part of the body that came since the last call."""
        taken = bytes(self._body)
        self._body.clear()
        return taken

    def _advance(self) -> None:
        if not self.over:
            self.over = next(self._steps, self) is self

    def _read(self) -> _Steps:
        status, headers = yield from self._head()
        while status < INFORMATIONAL:
            if status == SWITCHING_PROTOCOLS:
                raise ValueError("it speaks another protocol from here on")
            status, headers = yield from self._head()
        self.status, self.headers = status, headers
        if status in WITHOUT_BODY:
            return
        length = _length(headers)
        if _is_chunked(headers):
            yield from self._chunks()
        elif length is None:
            yield from self._until_the_end()
        else:
            yield from self._some(length)

    def _head(self) -> Generator[None, None, tuple[int, Headers]]:
        start = b""
        while not start:
            start = yield from self._line()
        found = _START.match(start)
        if not found:
            raise ValueError("it does not begin with HTTP/ and a status")
        headers: Headers = []
        while line := (yield from self._line()):
            name, colon, value = line.partition(b":")
            if line[:1] in b" \t":
                # Folded: this line continues the header before it.
                if headers:
                    before, begun = headers[-1]
                    headers[-1] = (before, begun + b" " + line.strip())
            elif colon and name.strip():
                headers.append((name.strip(), value.strip()))
        return int(found[1]), headers

    def _chunks(self) -> _Steps:
        size = -1
        while size:
            line = yield from self._line()
            # The line break after a chunk may be missing.
            if not line and size > 0:
                line = yield from self._line()
            found = _CHUNK.match(line)
            if not found:
                raise ValueError("a chunk without a size")
            size = int(found[1], 16)
            yield from self._some(size)
        # Trailers are ignored: the body is complete even if they are not.
        with suppress(ValueError):
            while (yield from self._line()):
                pass

    def _some(self, length: int) -> _Steps:
        while length:
            while not self._bytes:
                if self._ended:
                    raise ValueError("it ends before its body does")
                yield
            part = self._bytes[:length]
            del self._bytes[:length]
            self._body += part
            length -= len(part)

    def _until_the_end(self) -> _Steps:
        while True:
            self._body += self._bytes
            self._bytes.clear()
            if self._ended:
                return
            yield

    def _line(self) -> Generator[None, None, bytes]:
        """The next line, without its line break."""
        while (end := self._bytes.find(b"\n")) < 0:
            if len(self._bytes) > MOST_LINE_BYTES:
                raise ValueError("a line that does not end")
            if self._ended:
                raise ValueError("it ends in the midst of a line")
            yield
        line = bytes(self._bytes[:end])
        del self._bytes[: end + 1]
        return line.rstrip(b"\r")


def _values(headers: Headers, wanted: bytes) -> list[bytes]:
    """All values of a header, which may come several times and hold several values each."""
    found = [value for name, value in headers if name.lower() == wanted]
    return [each.strip().lower() for value in found for each in value.split(b",")]


def _is_chunked(headers: Headers) -> bool:
    # If a length is sent too, chunked encoding decides; RFC 9112, 6.3.
    return b"chunked" in _values(headers, b"transfer-encoding")


def _length(headers: Headers) -> int | None:
    """The length of a body; None if the connection's end is the body's end."""
    lengths = set()
    for value in _values(headers, b"content-length"):
        found = _LENGTH.fullmatch(value)
        if found:
            lengths.add(int(found[1]))
    if len(lengths) > 1:
        raise ValueError("two lengths that differ")
    return lengths.pop() if lengths else None
