"""What is wrong with something that was sent or written, without repeating what it holds."""

import difflib
from collections.abc import Collection, Iterable
from typing import Final

from pydantic import ValidationError

_MOST_NEAR: Final = 3


def complaint(error: ValidationError, *place: str, depth: int | None = None) -> str:
    """The first fault: where, below `place`, and which rule it breaks; never the content.

    Of the way to the fault, `depth` steps are named.
    """
    # Without input and context: they would carry somebody's text or key into an answer or a log.
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return _said(place, "the body is not valid JSON")
    # pydantic repeats an unknown kind in this one message.
    known = "unknown kind" if first["type"] == "union_tag_invalid" else first["msg"]
    return _said((*place, *first["loc"][:depth]), known.removeprefix("Value error, "))


def suggestion(name: str, known: Collection[str]) -> str:
    """What was probably meant by a name that is not known, or else all that there is to mean."""
    near = difflib.get_close_matches(name, known, n=_MOST_NEAR)
    return f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"


def _said(place: Iterable[str | int], reason: str) -> str:
    # A key in the place of a name would be shown as one.
    where = ".".join("…" if str(step).startswith("sk-") else str(step) for step in place)
    return f"{where}: {reason}" if where else reason
