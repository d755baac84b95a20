"""Hands lines to the writer: of many similar lines only the first, and how many followed."""

import logging
import time
from collections.abc import Callable, Iterable

from rerankq.error_origin import origin
from rerankq.monitoring.logs.bursts import BURST_SECONDS, Bursts
from rerankq.monitoring.logs.fields import FIGURES, fields_of
from rerankq.monitoring.logs.lines import Form, Line, said
from rerankq.monitoring.logs.masks import Masks
from rerankq.monitoring.logs.writer import LogWriter


class LineHandler(logging.Handler):
    """A handler that never waits for the log's reader.

    Args:
        form: how a line looks.
        write: writes bytes; it may block.
        secrets: what is blanked out, beside all that looks like a secret.
    """

    def __init__(
        self, form: Form, write: Callable[[bytes], object], secrets: Iterable[str] = ()
    ) -> None:
        super().__init__()
        self._form = form
        self._masked = Masks(secrets)
        self._bursts = Bursts()
        self._writer = LogWriter(write, self._tick)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record to the writer, unless it repeats an earlier line."""
        if getattr(record, FIGURES, None) is not None:
            shown = [self._line(record)]
        else:
            shown = self._bursts.shown(record, self._line(record), time.monotonic())
        for each in shown:
            self._writer.put(self._form(record.created, each))
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

    def _line(self, record: logging.LogRecord) -> Line:
        try:
            text = self._masked(said(record))
        except Exception as error:  # noqa: BLE001  the record is a library's, and is faulty
            text = f"{record.name} logged a record that cannot be formatted ({origin(error)})"
        fields = fields_of(record) if self._form.has_fields else {}
        return Line(record.levelno, text, record.name, fields)

    def _tick(self) -> None:
        # Never wait for the lock here: its holder may be waiting for this thread to write.
        if self.lock and self.lock.acquire(blocking=False):
            try:
                self._close_bursts(at_least=BURST_SECONDS)
            finally:
                self.lock.release()

    def _close_bursts(self, *, at_least: float) -> None:
        for each in self._bursts.over(time.monotonic(), at_least=at_least):
            self._writer.put(self._form(time.time(), each))
