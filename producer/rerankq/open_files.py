"""How many files a process may open; each connection is one."""

import resource
from contextlib import suppress
from typing import Final

MOST: Final = 65_536


def open_files() -> int | None:
    """How many files a service of this user may open; None for any number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if hard == resource.RLIM_INFINITY else hard


def allow_open_files() -> None:
    """Raise this process's limit as far as its user may: most systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(MOST, open_files() or MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # Some systems allow less than they say.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
