"""Reads multipart forms as the bytes come, in bounded memory."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, NamedTuple

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from rerankq_gateway.errors import GatewayError

MOST_PARTS: Final = 20
_FORM: Final = b"multipart/form-data"


class Part(NamedTuple):
    """The beginning of a part of a form.

    Attributes:
        name: of the field.
        filename: when the part is a file.
    """

    name: str
    filename: str | None


class PartEnd:
    """The end of a part."""


END: Final = PartEnd()
Event = Part | bytes | PartEnd
"""A form is a sequence of these: for each part its beginning, its bytes in portions, its end."""


def boundary_of(content_type: bytes) -> bytes:
    """What separates the parts of a form.

    Raises:
        GatewayError: 415, the body is no form; 400, it does not say what separates its parts.
    """
    kind, options = parse_options_header(content_type)
    if kind != _FORM:
        raise GatewayError(
            *(415, "unsupported_content_type"),
            "a file is uploaded as a form: send multipart/form-data with the parts `file` and "
            "`purpose`",
            param="content-type",
        )
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise _damaged("its Content-Type names no boundary")
    return boundary


async def events(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncGenerator[Event, None]:
    """The parts of a form as they come.

    Raises:
        GatewayError: 400, the form is damaged, or ends too early.
    """
    form = _Form(boundary)
    async for chunk in chunks:
        for event in form.read(chunk):
            yield event
    form.check_end()


class _Form:
    def __init__(self, boundary: bytes) -> None:
        self._found: list[Event] = []
        self._parts = 0
        self._name, self._value = b"", b""
        self._disposition = b""
        self._is_over = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._on_name,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": lambda: self._found.append(END),
                    "on_end": self._on_end,
                },
            )
        except FormParserError:
            raise _damaged("its boundary is too long") from None

    def read(self, chunk: bytes) -> list[Event]:
        """What is known with these bytes."""
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _damaged("its parts cannot be told apart") from None
        found, self._found = self._found, []
        return found

    def check_end(self) -> None:
        """Refuse a form that is not whole."""
        if not self._is_over:
            raise _damaged("it ends too early")

    def _begin(self) -> None:
        self._parts += 1
        self._disposition = b""
        if self._parts > MOST_PARTS:
            raise _damaged(f"it has more than {MOST_PARTS} parts")

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name, self._value = b"", b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name")
        if name is None:
            raise _damaged("one of its parts has no name")
        filename = options.get(b"filename")
        shown = None if filename is None else filename.decode("utf-8", "replace")
        self._found.append(Part(name.decode("utf-8", "replace"), shown))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if end > start:
            self._found.append(data[start:end])

    def _on_end(self) -> None:
        self._is_over = True


def _damaged(reason: str) -> GatewayError:
    return GatewayError(400, "invalid_body", f"the form cannot be read: {reason}")
