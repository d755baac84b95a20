"""How long an upstream asks to wait: Retry-After, x-ratelimit-*, and in words."""

import email.utils
import math
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

MOST_SECONDS: Final = 3600.0
"""No vendor means a week."""

_EPOCH_SECONDS: Final = 1e9
_EPOCH_MILLISECONDS: Final = 1e12
"""A number this large is a moment: a duration would be of decades."""

_LIMITED: Final = tuple(
    (f"{family}-remaining{what}", f"{family}-reset{what}")
    for family in ("x-ratelimit", "ratelimit")
    for what in ("-requests", "-tokens", "")
)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")
_WINDOW: Final = re.compile(r"请求数限制\D{0,3}(\d{1,4})\s*分钟")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of the Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3).

    Args:
        headers: of the answer, their names in lower case.
    """
    return _wait(headers.get("retry-after"), headers.get("date"))


def pause(headers: Mapping[str, str]) -> float | None:
    """Seconds until an allowance that is used up is renewed; None where none is used up.

    `x-ratelimit-remaining-requests: 0` and `x-ratelimit-reset-requests: 6m0s`, likewise for
    tokens and for neither. A reset is a duration with units (OpenAI), seconds, or a moment.
    """
    resets = (
        _wait(headers.get(reset), headers.get("date"))
        for remaining, reset in _LIMITED
        if headers.get(remaining) == "0"
    )
    return max((each for each in resets if each is not None), default=None)


def window(words: str) -> float | None:
    """Seconds of the gateway family's window, as in "请求数限制: 1分钟内最多请求5次"."""
    found = _WINDOW.search(words)
    return _bounded(60.0 * int(found[1])) if found else None


def _wait(value: str | None, date: str | None) -> float | None:
    if value is None:
        return None
    seconds = _duration(value)
    if seconds is not None and seconds < _EPOCH_SECONDS:
        return _bounded(seconds)
    moment = _moment(value) if seconds is None else _epoch(seconds)
    if moment is None:
        return None
    # By the sender's clock where it tells it: ours may be an hour off.
    return _bounded(moment - (_moment(date) or time.time()))


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), MOST_SECONDS)


def _duration(value: str) -> float | None:
    """A number, or a number with units such as "6m0s"."""
    try:
        seconds = float(value)
    except ValueError:
        return sum(_parts(value)) if re.fullmatch(f"({_PART.pattern})+", value) else None
    return None if math.isnan(seconds) else seconds


def _parts(value: str) -> Iterator[float]:
    for number, unit in _PART.findall(value):
        yield float(number) * _UNITS[unit]


def _epoch(number: float) -> float:
    return number / 1000 if number >= _EPOCH_MILLISECONDS else number


def _moment(text: str | None) -> float | None:
    """Unix time of an HTTP date or of ISO 8601."""
    if not text:
        return None
    for read in (email.utils.parsedate_to_datetime, datetime.fromisoformat):
        try:
            return read(text).timestamp()
        except (ValueError, OverflowError):
            continue
    return None
