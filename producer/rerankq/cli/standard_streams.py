"""Makes stdin, stdout and stderr safe to use.

A process may be started with any of them closed (`2>&-`, cron, daemons). The next file that it
opens then gets that number, and output for the terminal would be written into it.
"""

import io
import os
import sys
from typing import Final

# stdin is opened for writing and stdout for reading, so that their use is an error and not silent.
_STAND_INS: Final = ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY))


def secure_streams() -> None:
    """Open a stand-in for each that is closed; let output never fail because of a character."""
    for number, mode in _STAND_INS:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # gets the lowest free number: this one
    # A closed stream is None, although its type does not say so.
    sys.stdin = sys.stdin or _text_of(0, "r")
    sys.stdout = sys.stdout or _text_of(1, "w")
    sys.stderr = sys.stderr or _text_of(2, "w")
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a question mark instead.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def drop_unwritable() -> None:
    """Drop output that a closed terminal does not take: Python would exit with 120 for it."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, number)
            os.close(nothing)


def _text_of(number: int, mode: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(number, mode, closefd=False), "utf-8", line_buffering=True)
