"""Signals: the first ends the command in an orderly way, the second at once.

Ctrl-C, SIGTERM, and SIGHUP, which comes when the terminal is closed.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import Final, Self

from rerankq.cli.failures import ExitCode

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR: Final = b"\x1b[?25h"


class Interrupts:
    """While entered, a signal sets `stop` and does not interrupt what is under way."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, self._before[number])

    def _signalled(self) -> None:
        if self.stop.is_set():
            # A live progress bar hides the cursor: nothing else would show it again.
            if sys.stderr.isatty():
                with suppress(OSError):
                    os.write(sys.stderr.fileno(), _SHOW_CURSOR)
            os._exit(ExitCode.INTERRUPTED)
        self.stop.set()
