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
        return _of_two(minutes, "min", rest, "s")
    if seconds < _DAY:
        return _of_two(minutes // _MINUTE, "h", minutes % _MINUTE, "min")
    return _of_two(int(seconds // _DAY), "d", int(seconds % _DAY // _HOUR), "h")


def _of_two(large: int, unit: str, rest: int, smaller: str) -> str:
    return f"{large} {unit} {rest} {smaller}" if rest else f"{large} {unit}"


def ago(seconds: float) -> str:
    """How long something is past."""
    return "now" if seconds < 1 else f"{duration(seconds)} ago"


def moment(at: float | None, *, exact: bool = False) -> Html | str:
    """A time; the page's script shows it in the reader's own zone, if exact with milliseconds."""
    if at is None:
        return NONE
    try:
        then = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return NONE
    iso = then.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return tag("time", f"{then:%Y-%m-%d %H:%M:%S} UTC", datetime=iso, data_exact=exact)


def short(name: str, most: int = _SHORT_ID) -> Html:
    """An id, cut; the whole is its title."""
    said = name if len(name) <= most else f"{name[: most - 1]}…"
    return tag("code", said, title=name)
