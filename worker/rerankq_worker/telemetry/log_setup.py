"""Sets up the log: to stderr, one form for all libraries, and without lines that tell nothing."""

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
"""Libraries that log each call, message and connection: only their warnings are shown."""

FORMS: Final[Mapping[LogFormat, Callable[[str], Form]]] = {
    LogFormat.TEXT: text_form,
    LogFormat.JSON: json_form,
}


class LineHandler(logging.Handler):
    """Hands lines to a writer; of many similar lines only the first, and how many followed.

    Args:
        form: how a line looks.
        write: writes bytes; it may block.
    """

    def __init__(self, form: Form, write: Callable[[bytes], object]) -> None:
        super().__init__()
        self._form = form
        self._bursts = Bursts()
        self._writer = LogWriter(write, self._tick)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record to the writer, unless it repeats an earlier line."""
        try:
            line = said(record)
        except Exception as error:  # noqa: BLE001  the record is a library's, and is faulty
            line = f"{record.name} logged a record that cannot be formatted ({origin(error)})"
        figures = getattr(record, FIGURES, None)
        shown = [(record.levelno, line)]
        if figures is None:
            shown = self._bursts.shown(record, line, time.monotonic())
        for level, each in shown:
            self._writer.put(self._form(record.created, level, each, figures))
        if record.levelno >= logging.CRITICAL:
            # The process may be about to end.
            self._writer.flush()

    def flush(self) -> None:
        """Wait until all is written, for a second at most."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is left. Called at the end of the process."""
        self._close_bursts(at_least=0.0)
        self.flush()
        super().close()

    def _tick(self) -> None:
        # Never wait for the lock here: its holder may be waiting for this thread to write.
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
        level: lines below it are not written.
        form: how lines look.
        lane: the lane that logs; empty for the process that supervises several lanes.
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
    """A receiver of `setup_logging`: as the signal has one, Celery does not set up the log."""
