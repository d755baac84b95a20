"""Times as they are shown to people: local, with the offset from UTC if there is space for it."""

from datetime import datetime


def local_time(seconds: float, precision: str = "minutes", *, offset: bool = True) -> str:
    """A time in Unix seconds, such as 2026-12-04 17:30+08:00."""
    then = datetime.fromtimestamp(seconds).astimezone()
    return (then if offset else then.replace(tzinfo=None)).isoformat(" ", precision)
