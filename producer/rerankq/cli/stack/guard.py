"""Ends the children of this process if it is killed and cannot do so itself.

A Redis that outlived its command would go on writing to a folder that the next one uses too.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from rerankq.cli.stack import guarding

_SECONDS: Final = 10.0


class Guard:
    """Knows which children run.

    Args:
        told: the stdin of the guard's process.
    """

    def __init__(self, told: IO[bytes]) -> None:
        self._told = told

    def began(self, process: int) -> None:
        """Take a process under guard."""
        self._tell(f"+{process}\n")

    def ended(self, process: int) -> None:
        """Forget a process."""
        self._tell(f"-{process}\n")

    def _tell(self, line: str) -> None:
        # Without its guard the command works all the same.
        with suppress(OSError):
            self._told.write(line.encode())
            self._told.flush()


@contextmanager
def guarded(kept_open: int | None = None) -> Iterator[Guard]:
    """Have a guard until the end of the context.

    Args:
        kept_open: a descriptor that stays open until the guard is done, such as that of a lock.
    """
    process = subprocess.Popen(  # noqa: S603  this interpreter
        [sys.executable, "-I", str(Path(guarding.__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=os.sep,
        # Neither Ctrl-C nor the end of the terminal may reach it.
        start_new_session=True,
        pass_fds=() if kept_open is None else (kept_open,),
    )
    if process.stdin is None:
        raise RuntimeError("a pipe was asked for")
    try:
        yield Guard(process.stdin)
    finally:
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS)
