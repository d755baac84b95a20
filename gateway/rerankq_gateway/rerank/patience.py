"""How long a caller waits: what it says itself, or the setting."""

import math
import re
from collections.abc import Mapping
from typing import Final

from rerankq_gateway.errors import GatewayError
from rerankq_gateway.settings import MOST_WAIT_SECONDS

_WAIT: Final = re.compile(rb'(?:^|[,;\s])wait\s*=\s*"?(\d+(?:\.\d+)?)"?', re.IGNORECASE)
_HEADERS: Final = (b"x-rerankq-timeout", b"x-stainless-read-timeout", b"x-request-timeout")
"""In seconds. The second is what OpenAI's clients send with every request."""


def patience(headers: Mapping[bytes, bytes], by_body: float | None, *, otherwise: float) -> float:
    """Seconds that the caller waits for an answer: at most `MOST_WAIT_SECONDS`.

    Args:
        headers: of the request; `Prefer: wait` counts first, then headers that name a time limit.
        by_body: what the body says.
        otherwise: for callers that say nothing.

    Raises:
        GatewayError: 400, a header is not a number of seconds.
    """
    if preferred := _WAIT.search(headers.get(b"prefer", b"")):
        return _within(float(preferred[1]))
    for name in _HEADERS:
        if name in headers:
            return _within(_seconds(name, headers[name]))
    return _within(otherwise if by_body is None else by_body)


def _seconds(name: bytes, value: bytes) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0:
        header = name.decode()
        raise GatewayError(
            400, "invalid_header", f"{header} must be a number of seconds", param=header
        )
    return seconds


def _within(seconds: float) -> float:
    return min(seconds, MOST_WAIT_SECONDS)
