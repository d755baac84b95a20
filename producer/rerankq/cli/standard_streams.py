"""stdin, stdout and stderr as they must be: there, and never in the way.

A process may be started with any of them closed (`2>&-`, cron, daemons). The next file that it
opens then gets that number, and what was meant for a terminal lands in it.
"""

import io
import os
import sys
from typing import Final

# The wrong way round, but for stderr: to use one that is closed is an error, and not silence.
_STAND_INS: Final = ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))


def secure_streams() -> None:
    """Put something in the place of each that is closed; let no character be one too many."""
    for number, mode in _STAND_INS:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest number that is free: this one
    # Python leaves None where a stream was closed, whatever its types say.
    sys.stdin = sys.stdin or _text_of(0, "r")
    sys.stdout = sys.stdout or _text_of(1, "w")
    sys.stderr = sys.stderr or _text_of(2, "w")
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a question mark in its place.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def drop_unwritable() -> None:
    """Drop what a closed terminal takes no more: Python would exit with 120 for it."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, number)
            os.close(nothing)


def _text_of(number: int, mode: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(number, mode, closefd=False), "utf-8", line_buffering=True)
