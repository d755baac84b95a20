"""Reads the JSON of an answer; also one that is not quite JSON, where that takes no guessing.

An answer has been paid for. A byte order mark, a NaN or half a surrogate in a part that nobody
looks at takes nothing from its ranking. Strict JSON is read by orjson; the rest costs more.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

MOST_DIGITS: Final = 18
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


def loads(body: bytes, headers: Mapping[str, str]) -> Any:
    """What a body says.

    Args:
        body: of the answer.
        headers: likewise, their names in lower case.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = _text(body, headers.get("content-type", ""))
    try:
        return _lenient(text)
    except ValueError:
        # A sign behind a backslash that JSON does not escape stands for itself.
        return _lenient(_ESCAPE.sub(_known, text))


def _lenient(text: str) -> Any:
    """JSON with NaN, control signs in texts, half surrogates and numbers of any length."""
    try:
        return json.loads(text, strict=False, parse_int=_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _number(digits: str) -> int | float:
    # What is longer is no index and no count, and Python would refuse thousands of digits.
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


def _known(escape: re.Match[str]) -> str:
    is_known = escape[1] in {'"', "\\", "/", "b", "f", "n", "r", "t"} or len(escape[1]) > 1
    return escape[0] if is_known else f"\\\\{escape[1]}"


def _text(body: bytes, content_type: str) -> str:
    named = _CHARSET.search(content_type)
    encoding: str = json.detect_encoding(body)
    if named and encoding == "utf-8":
        encoding = named[1]
    try:
        return body.decode(encoding, "replace").lstrip("\ufeff")
    except LookupError:
        return body.decode("utf-8", "replace").lstrip("\ufeff")
