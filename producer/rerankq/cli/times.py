"""Times as people read and type them: local, with the offset from UTC if there is space for it."""

import re
import time
from datetime import datetime
from typing import Final

import typer

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGE: Final = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)


def local_time(seconds: float, precision: str = "minutes", *, offset: bool = True) -> str:
    """A time in Unix seconds, such as 2026-12-04 17:30+08:00."""
    then = datetime.fromtimestamp(seconds).astimezone()
    return (then if offset else then.replace(tzinfo=None)).isoformat(" ", precision)


def moment(typed: str) -> float:
    """Unix seconds of a time, or of so long ago: `2h`, `30m`, `2026-12-04`, `2026-12-04T17:30`.

    Raises:
        typer.BadParameter: it is none.
    """
    if age := _AGE.fullmatch(typed):
        return max(0.0, time.time() - int(age[1]) * _UNITS[age[2]])
    try:
        then = datetime.fromisoformat(typed).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise typer.BadParameter(
            "must be an age such as 30m, 2h or 7d, or a local time such as 2026-12-04T17:30"
        ) from None
    return max(0.0, then)
