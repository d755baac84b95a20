"""The guard's process: waits for the end of a command, then ends what the command left running.

It is run as a file, without the rest of rerankq, so that it is small. It reads lines `+<process>`
and `-<process>` from stdin; the end of stdin is the end of the command, however that came about.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

GRACE_SECONDS: Final = 45.0
_POLL_SECONDS: Final = 0.05


def main() -> None:
    """Guard until stdin ends."""
    for process in reversed(left_running(sys.stdin)):
        _end(process)


def left_running(lines: Iterable[str]) -> list[int]:
    """The processes that were begun and not ended, in the order of their beginnings."""
    running: list[int] = []
    for line in lines:
        sign, process = line[0], int(line[1:])
        if sign == "+":
            running.append(process)
        elif process in running:
            running.remove(process)
    return running


def _end(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
        give_up = time.monotonic() + GRACE_SECONDS
        while _runs(process):
            if time.monotonic() >= give_up:
                os.kill(process, signal.SIGKILL)
                return
            time.sleep(_POLL_SECONDS)


def _runs(process: int) -> bool:
    os.kill(process, 0)
    try:
        said = Path(f"/proc/{process}/stat").read_text("utf-8", errors="replace")
    except OSError:  # not Linux, or it has just ended
        return True
    # In a container nobody may collect processes that have ended: they stay as zombies.
    return said.rpartition(")")[2].split()[0] != "Z"


if __name__ == "__main__":
    main()
