"""Writes the part of a page that a long run replaces: date, machine, command and table."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from chaos.scorecard import Score, complaints, gaps, table
from chaos.sitting import Sitting
from running.redis_server import server_binary

BEGIN: Final = "<!-- scorecard: written by `python -m chaos --page` -->"
END: Final = "<!-- end of the scorecard -->"


def machine() -> dict[str, Any]:
    """The machine on which the figures were measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    version = subprocess.run(
        [server_binary(), "--version"], capture_output=True, text=True, check=True
    )
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "redis": version.stdout.split("sha=")[0].strip(),
    }


def command_line() -> str:
    """The command that starts this run again."""
    return shlex.join(["python", "-m", "chaos", *map(_without_folder, sys.argv[1:])])


def _without_folder(argument: str) -> str:
    # Only the names of files: their folders mean nothing on another machine.
    return Path(argument).name if Path(argument).is_absolute() else argument


def write(page: Path, scores: Sequence[Score], sittings: Sequence[Sitting]) -> None:
    """Put the scorecard in its place on the page, with the sittings that it comes from.

    Raises:
        ValueError: the page has no such place.
    """
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the scorecard: put {BEGIN} and {END} in")
    page.write_text(before + BEGIN + "\n" + _section(scores, sittings) + END + after, "utf-8")


def _section(scores: Sequence[Score], sittings: Sequence[Sitting]) -> str:
    broken, unplayed = complaints(scores), gaps(scores)
    return "\n".join(
        [
            *(_heading(each, scores) for each in sittings),
            table(scores),
            "",
            *([f"Not met:\n\n```text\n{broken}\n```", ""] if broken else []),
            *([f"Not played to the end:\n\n```text\n{unplayed}\n```", ""] if unplayed else []),
            "",
        ]
    )


def _heading(sitting: Sitting, scores: Sequence[Score]) -> str:
    """When, where and how a sitting ran, and which rows of the scorecard are from it."""
    on = sitting.machine
    shown = [score.row.name for score in sitting.scores if any(score is each for each in scores)]
    return "\n".join(
        [
            (
                f"Run of {sitting.date:%Y-%m-%d %H:%M} UTC at {sitting.commit or 'no commit'}, "
                f"{sitting.seconds / 60:.0f} minutes, on {on['cores']} cores, "
                f"{on['memory_gb']} GB, {on['system']}, Python {on['python']}, {on['redis']}; "
                f"rows: {', '.join(shown)}."
            ),
            "",
            "```text",
            sitting.command,
            "```",
            "",
        ]
    )
