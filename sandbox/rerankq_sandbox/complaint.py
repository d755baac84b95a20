"""Describes what is wrong with input, without showing its content."""

import difflib
from collections.abc import Collection, Iterable
from typing import Final

from pydantic import ValidationError

_MOST_NEAR: Final = 3


def complaint(error: ValidationError, *place: str, depth: int | None = None) -> str:
    """The first fault: its place, below `place`, and the rule it breaks; never the content.

    At most `depth` steps of the path to the fault are named.
    """
    # Without input and context, which would show a text or a key in an answer or a log.
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return _said(place, "the body is not valid JSON")
    # Of all its messages, only this one of pydantic repeats the input.
    known = "unknown kind" if first["type"] == "union_tag_invalid" else first["msg"]
    return _said((*place, *first["loc"][:depth]), known.removeprefix("Value error, "))


def suggestion(name: str, known: Collection[str]) -> str:
    """The known names closest to an unknown one, or else all known names."""
    near = difflib.get_close_matches(name, known, n=_MOST_NEAR)
    return f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"


def _said(place: Iterable[str | int], reason: str) -> str:
    # A user may have put a key where a name belongs: it must not be shown.
    where = ".".join("…" if str(step).startswith("sk-") else str(step) for step in place)
    return f"{where}: {reason}" if where else reason
