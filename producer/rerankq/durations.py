"""Durations as people write them in settings."""

import re
from typing import Final

_WRITTEN: Final = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
OFF: Final = "off"


def duration(written: object) -> object:
    """The seconds of a duration such as `90s`, `15m`, `24h` or `7d`; None for `off`.

    Anything else stays as it is: a number is one of seconds.

    Raises:
        ValueError: it is a text, but neither a duration nor a number.
    """
    if not isinstance(written, str):
        return written
    text = written.strip().lower()
    if text == OFF:
        return None
    if found := _WRITTEN.fullmatch(text):
        return float(int(found[1]) * _SECONDS[found[2]])
    try:
        return float(text)
    except ValueError:
        raise ValueError("must be a duration as in 24h, 30m or 7d, or off") from None
