"""Where the log goes: to stderr, each library's lines in one form, and none that tells nothing."""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from rerankq_worker.process.error_origin import origin
from rerankq_worker.settings import LogFormat, LogLevel
from rerankq_worker.telemetry.log_bursts import BURST_SECONDS, Bursts
from rerankq_worker.telemetry.log_lines import FIGURES, Form, json_form, said, text_form
from rerankq_worker.telemetry.log_writer import LogWriter, write_to

CHATTY: Final = ("asyncio", "celery", "httpx", "kombu")
"""Libraries that write lines for each call, message and connection: their warnings are enough."""

FORMS: Final[Mapping[LogFormat, Callable[[str], Form]]] = {
    LogFormat.TEXT: text_form,
    LogFormat.JSON: json_form,
}


class LineHandler(logging.Handler):
    """Hands lines to a writer; of a burst of like ones the first, and how many followed.

    Args:
        form: how a line looks.
        write: takes bytes, however long that takes.
    """

    def __init__(self, form: Form, write: Callable[[bytes], object]) -> None:
        super().__init__()
        self._form = form
        self._bursts = Bursts()
        self._writer = LogWriter(write, self._tick)

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written, if it tells anything new."""
        try:
            line = said(record)
        except Exception as error:  # noqa: BLE001  a library's own fault, and what it meant is lost
            line = f"{record.name} had something to say that is no text ({origin(error)})"
        figures = getattr(record, FIGURES, None)
        shown = [(record.levelno, line)]
        if figures is None:
            shown = self._bursts.shown(record, line, time.monotonic())
        for level, each in shown:
            self._writer.put(self._form(record.created, level, each, figures))
        if record.levelno >= logging.CRITICAL:
            # The process may be about to end, by whatever way.
            self._writer.flush()

    def flush(self) -> None:
        """Wait until all is written, a second at the most."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is left to be said. Called at the end of the process."""
        self._close_bursts(at_least=0.0)
        self.flush()
        super().close()

    def _tick(self) -> None:
        # Whoever holds the lock may be waiting for this very thread to write.
        if self.lock and self.lock.acquire(blocking=False):
            try:
                self._close_bursts(at_least=BURST_SECONDS)
            finally:
                self.lock.release()

    def _close_bursts(self, *, at_least: float) -> None:
        for level, each in self._bursts.over(time.monotonic(), at_least=at_least):
            self._writer.put(self._form(time.time(), level, each, None))


def set_up_log(level: LogLevel, form: LogFormat, *, lane: str) -> None:
    """Write the log of this process to stderr, if it has one.

    Args:
        level: from which on lines are written.
        form: how they look.
        lane: whose they are; empty for the process that watches over several.
    """
    root = logging.getLogger()
    root.setLevel(level.upper())
    if sys.stderr is not None:
        root.handlers[:] = [LineHandler(FORMS[form](lane), write_to(sys.stderr.fileno()))]
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    quiet = max(root.level, logging.WARNING) if level is not LogLevel.DEBUG else logging.DEBUG
    for name in CHATTY:
        logging.getLogger(name).setLevel(quiet)


def keep_log(**_: Any) -> None:
    """A receiver of Celery's signal `setup_logging`: that there is one, it leaves the log alone."""
