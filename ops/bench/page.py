"""Writes the part of a page that each run replaces: date, machine, command and tables."""

import os
import platform
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- results: written by `python -m bench --page` -->"
END: Final = "<!-- end of the results -->"


def circumstances(module: str = "bench") -> dict[str, Any]:
    """When and on which machine the figures were measured, and the command of `module` for it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "command": shlex.join(["python", "-m", module, *map(_without_folder, sys.argv[1:])]),
    }


def heading(on: Mapping[str, Any]) -> str:
    """The circumstances as text."""
    return (
        f"Run of {on['date']}, on {on['cores']} cores, {on['memory_gb']} GB, {on['system']}, "
        f"Python {on['python']}:\n\n```text\n{on['command']}\n```"
    )


def write(page: Path, text: str, begin_mark: str = BEGIN) -> None:
    """Put a run in its place on the page.

    Raises:
        ValueError: the page has no such place.
    """
    before, begin, rest = page.read_text("utf-8").partition(begin_mark)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the results: put {begin_mark} and {END} in")
    page.write_text(f"{before}{begin_mark}\n{text}\n\n{END}{after}", "utf-8")


def _without_folder(argument: str) -> str:
    """Show only names of files: their folders mean nothing on another machine."""
    return Path(argument).name if Path(argument).is_absolute() else argument
