"""Reads the JSON of an answer, also if it breaks the rules in ways that need no guessing.

An answer has been paid for. A byte order mark, a NaN or half a surrogate in an unused part does not
spoil its ranking. orjson reads strict JSON; other answers go through a slower parser.
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
    """The decoded JSON of a body.

    Args:
        body: the answer's body.
        headers: the answer's headers, their names in lower case.

    Raises:
        ValueError: the body is no JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = _text(body, headers.get("content-type", ""))
    try:
        return _lenient(text)
    except ValueError:
        # A backslash before a character that JSON does not escape is taken literally.
        return _lenient(_ESCAPE.sub(_known, text))


def _lenient(text: str) -> Any:
    """JSON with NaN, control characters in strings, half surrogates and numbers of any length."""
    try:
        return json.loads(text, strict=False, parse_int=_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _number(digits: str) -> int | float:
    # A longer number is no index or count, and Python refuses integers of thousands of digits.
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
