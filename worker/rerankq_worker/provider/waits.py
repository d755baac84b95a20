"""How long an upstream asks to wait: Retry-After, x-ratelimit-*, RateLimit, and in words."""

import email.utils
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from rerankq_worker.provider import words

MOST_SECONDS: Final = 3600.0
"""Longer waits are cut to this: no vendor means a week."""

_EPOCH_SECONDS: Final = 1e9
_EPOCH_MILLISECONDS: Final = 1e12
"""Numbers from here on are points in time: as durations they would be decades."""

_LIMITED: Final = tuple(
    (f"{family}-remaining{what}", f"{family}-reset{what}")
    for family in ("x-ratelimit", "ratelimit", "x-rate-limit")
    for what in ("-requests", "-tokens", "")
)
_ALLOWANCES: Final = {"ratelimit", *(name for names in _LIMITED for name in names)}
_MILLISECONDS: Final = ("retry-after-ms", "x-ms-retry-after-ms")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|[smhd])")
_WINDOW: Final = re.compile(r"请求数限制\D{0,3}(\d{1,4})\s*(分钟)")
_AGAIN: Final = re.compile(
    r"\b(?:try again|retry|wait|resets?)\b\D{0,20}?((?:\d{1,6}(?:\.\d{1,6})?\s?[a-z]{1,12}\s?)+)",
    re.IGNORECASE,
)
_AGAIN_LATER: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(毫秒|秒|分钟|小时)钟?(?:后|之后|再)")
_SPELT: Final = re.compile(r"(\d+(?:\.\d+)?)\s?([a-z]+)", re.IGNORECASE)
_UNITS_SPELT: Final = {
    **_UNITS,
    **dict.fromkeys(("毫秒", "millisecond", "milliseconds"), _UNITS["ms"]),
    **dict.fromkeys(("秒", "sec", "secs", "second", "seconds"), _UNITS["s"]),
    **dict.fromkeys(("分钟", "min", "mins", "minute", "minutes"), _UNITS["m"]),
    **dict.fromkeys(("小时", "hr", "hrs", "hour", "hours"), _UNITS["h"]),
    **dict.fromkeys(("day", "days"), _UNITS["d"]),
}
_MEMBER: Final = re.compile(r"\b(r|t|remaining|reset)\s*=\s*([\w.:-]+)")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of the Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3).

    Some vendors also send milliseconds, which are more exact.

    Args:
        headers: the answer's headers, their names in lower case.
    """
    for name in _MILLISECONDS:
        milliseconds = _number(headers.get(name))
        if milliseconds is not None:
            return _bounded(milliseconds / 1000)
    return _wait(headers.get("retry-after"), headers.get("date"))


def pause(headers: Mapping[str, str], *, throttled: bool = False) -> float | None:
    """Seconds until an allowance that is used up is renewed; None if none is used up.

    Headers are `x-ratelimit-remaining-requests: 0` with `x-ratelimit-reset-requests: 6m0s` (also
    `-tokens`, or without suffix), and `RateLimit: "name";r=0;t=20` (IETF draft) or `limit=9,
    remaining=0, reset=20` (older). A reset is a duration with units, seconds, or a point in time.

    Args:
        headers: the answer's headers, their names in lower case.
        throttled: whether it is a 429: then an allowance without a `remaining` is used up.
    """
    if not throttled and headers.keys().isdisjoint(_ALLOWANCES):
        return None  # most rankings have no such header
    date = headers.get("date")
    resets = [
        _wait(headers.get(reset), date)
        for remaining, reset in _LIMITED
        if _is_used_up(headers.get(remaining), throttled=throttled)
    ]
    limits = headers.get("ratelimit", "").lower()
    for policy in limits.split(",") if ";" in limits else [limits]:
        said = dict(_MEMBER.findall(policy))
        if _is_used_up(said.get("r", said.get("remaining")), throttled=throttled):
            resets.append(_wait(said.get("t", said.get("reset")), date))
    return max((each for each in resets if each is not None), default=None)


def window(said: str, request: Sequence[str] = ()) -> float | None:
    """Seconds of a wait in words; None if the words also stand in the request (a quotation).

    The gateway family names a window, as in "请求数限制: 1分钟内最多请求5次"; others say "try again
    in 1m30s", "retry after 20 seconds" or "请30秒后重试".
    """
    for pattern in (_WINDOW, _AGAIN, _AGAIN_LATER):
        if found := pattern.search(said):
            if words.stand_in(request, found[0]):
                return None
            if pattern is _AGAIN:
                return _spelt(found[1])
            return _bounded(float(found[1]) * _UNITS_SPELT[found[2]])
    return None


def _is_used_up(remaining: str | None, *, throttled: bool) -> bool:
    number = _number(remaining)
    return throttled if number is None else number <= 0


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _spelt(time: str) -> float | None:
    """Seconds of "1m30s" or "2 minutes 5 seconds"; None if a word is no unit of time."""
    parts = [(float(number), unit.lower()) for number, unit in _SPELT.findall(time)]
    if any(unit not in _UNITS_SPELT for _, unit in parts):
        return None
    return _bounded(sum(number * _UNITS_SPELT[unit] for number, unit in parts))


def _wait(value: str | None, date: str | None) -> float | None:
    if value is None:
        return None
    seconds = _duration(value)
    if seconds is not None and seconds < _EPOCH_SECONDS:
        return _bounded(seconds)
    moment = _moment(value) if seconds is None else _epoch(seconds)
    if moment is None:
        return None
    # Measured by the sender's clock if it tells its time: this machine's may be wrong.
    return _bounded(moment - (_moment(date) or time.time()))


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), MOST_SECONDS)


def _duration(value: str) -> float | None:
    """A number, or a number with units such as "6m0s"."""
    try:
        seconds = float(value)
    except ValueError:
        joined = value.lower().replace(" ", "")
        return sum(_parts(joined)) if re.fullmatch(f"({_PART.pattern})+", joined) else None
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
            moment = read(text)
            # Without a zone it is UTC, as in an HTTP date of the old form; not this machine's zone.
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None
