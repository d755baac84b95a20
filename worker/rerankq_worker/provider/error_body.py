"""Reads an error body, in all the forms that vendors use.

`{"error": {message, type, code}}` (the gateway family, vLLM), `{"error": text, "error_type"}`
(TEI), flat `{"code", "message"}` (SiliconFlow, DashScope), `{"message"}` (Cohere), `{"detail"}`
(Jina, Voyage; a list with FastAPI), a JSON string, plain text, HTML, or nothing at all. The code
may be empty, null or a number.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from rerankq_worker.upstream.dialects.reading import text

MOST_BODY: Final = 64 * 1024
MOST_TEXT: Final = 4096
MOST_DETAILS: Final = 3
_MARK: Final = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, with which some pages begin."""


class Form(StrEnum):
    """What a body is. An API answers in JSON; a page comes from something in front of the API."""

    JSON = "json"
    PAGE = "page"
    TEXT = "text"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The parts of an error body; a missing part is empty.

    Attributes:
        form: what the body is.
        codes: its code and its type.
        words: its message, as the vendor wrote it.
        request_id: the vendor's request id.
    """

    form: Form = Form.JSON
    codes: tuple[str, ...] = ()
    words: str = ""
    request_id: str | None = None


def read(body: bytes) -> ErrorBody:
    """Read the body of an error answer."""
    try:
        decoded = orjson.loads(body[:MOST_BODY])
    except orjson.JSONDecodeError:
        return ErrorBody(form_of(body), words=_plain(body[:MOST_TEXT]))
    return read_decoded(decoded)


def form_of(body: bytes) -> Form:
    """The form of a body that is no JSON."""
    beginning = body[:MOST_TEXT].removeprefix(_MARK).lstrip()
    if not beginning:
        return Form.NOTHING
    return Form.PAGE if beginning.startswith(b"<") else Form.TEXT


def read_decoded(decoded: Any) -> ErrorBody:
    """Read the JSON of an error body."""
    if isinstance(decoded, str):
        return ErrorBody(words=decoded[:MOST_TEXT])
    if not isinstance(decoded, dict):
        return ErrorBody()
    inner = decoded.get("error") or decoded.get("detail")
    error = inner if isinstance(inner, dict) else decoded
    candidates = (error.get("message"), error.get("detail"), error.get("error"), error.get("msg"))
    return ErrorBody(
        codes=_codes(error.get("code"), error.get("type"), error.get("error_type")),
        words=next(filter(None, map(_words, candidates)), ""),
        request_id=text(decoded.get("request_id")),
    )


def holds_error(decoded: Any) -> bool:
    """Whether the JSON of a successful answer (2xx) is that of an error."""
    return isinstance(decoded, dict) and any(
        decoded.get(name) for name in ("error", "detail", "code")
    )


def _codes(*values: Any) -> tuple[str, ...]:
    return tuple(str(value)[:100] for value in values if isinstance(value, str | int) and value)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, map(_detail, value[:MOST_DETAILS])))
    return value[:MOST_TEXT] if isinstance(value, str) else ""


def _detail(fault: Any) -> str:
    """One entry of FastAPI's list: its place and rule, without the input that it quotes."""
    if not isinstance(fault, dict) or not isinstance(fault.get("msg"), str):
        return ""
    place = fault.get("loc")
    steps = map(str, place[:8]) if isinstance(place, list) else ()
    return f"{'.'.join(steps)}: {fault['msg'][:MOST_TEXT]}".removeprefix(": ")


def _plain(body: bytes) -> str:
    """Text that is neither JSON nor HTML, such as a server's message about its limits."""
    words = body.decode("utf-8", "replace").strip()
    return words if words[:1].isalpha() and "\ufffd" not in words else ""
