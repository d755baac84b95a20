"""Numbers, times and ids as people read them."""

from datetime import UTC, datetime
from typing import Final

from rerankq_gateway.console.markup import Html, tag

NONE: Final = "–"  # noqa: RUF001  an en dash stands for nothing
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_SHORT_ID: Final = 12


def count(number: float) -> str:
    """A whole number with separators."""
    return f"{number:,.0f}"


def duration(seconds: float | None) -> str:
    """How long something takes or took."""
    if seconds is None:
        return NONE
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), _MINUTE)
    if seconds < _HOUR:
        return f"{minutes} min {rest} s"
    if seconds < _DAY:
        return f"{minutes // _MINUTE} h {minutes % _MINUTE} min"
    return f"{int(seconds // _DAY)} d {int(seconds % _DAY // _HOUR)} h"


def moment(at: float | None) -> Html | str:
    """A time; the page's script shows it in the reader's own zone."""
    if at is None:
        return NONE
    try:
        then = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return NONE
    iso = then.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return tag("time", f"{then:%Y-%m-%d %H:%M:%S} UTC", datetime=iso)


def short(name: str) -> Html:
    """An id, cut; the whole is its title."""
    said = name if len(name) <= _SHORT_ID else f"{name[: _SHORT_ID - 1]}…"
    return tag("code", said, title=name)
