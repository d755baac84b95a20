"""Times as they are shown to people: local, with the offset from UTC."""

from datetime import datetime


def local_time(seconds: float, precision: str = "minutes") -> str:
    """A time in Unix seconds, such as 2026-12-04 17:30+08:00."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", precision)
