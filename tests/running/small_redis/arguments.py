"""How the commands read their arguments, and write numbers."""

import math
import re
from collections.abc import Callable
from typing import Any, Final

from redis.exceptions import ResponseError

Answer = Any
"""None, int, bytes, str for a status, or a list of these: an answer of Redis in RESP 2."""
Command = Callable[..., Answer]

_WHOLE: Final = re.compile(rb"-?\d{1,19}")


def whole(value: bytes) -> int:
    """A whole number.

    Raises:
        ResponseError: it is none.
    """
    if not _WHOLE.fullmatch(value):
        raise ResponseError("ERR value is not an integer or out of range")
    return int(value)


def number(value: bytes) -> float:
    """A score, which may be infinite.

    Raises:
        ResponseError: it is none.
    """
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if math.isnan(found):
        raise ResponseError("ERR value is not a valid float")
    return found


def shown(score: float) -> bytes:
    """A score as Redis writes it."""
    if math.isinf(score):
        return b"inf" if score > 0 else b"-inf"
    if score == int(score) and abs(score) < 2**63:
        return b"%d" % int(score)
    return f"{score:.17g}".encode()
