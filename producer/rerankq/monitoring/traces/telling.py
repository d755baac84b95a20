"""Says once that spans cannot be sent, and once that they can be again."""

import logging
import os
import threading
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = logging.getLogger(__name__)

_LIBRARY: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
"""These log each failed try, and each span that is dropped."""


class TellingExporter(SpanExporter):
    """Sends spans by another exporter.

    Args:
        exporter: sends them; it tries again for a while before it gives up.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0
        self._changing = threading.Lock()
        for name in _LIBRARY:
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; those that cannot be sent are dropped."""
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001  no error of a library may end the thread that sends
            result = SpanExportResult.FAILURE
        with self._changing:
            if result is SpanExportResult.SUCCESS:
                if self._lost:
                    log.warning("traces are sent again, after %d spans were dropped", self._lost)
                self._lost = 0
            else:
                if not self._lost:
                    log.warning(
                        "traces cannot be sent to %s: spans are dropped until it takes them; see "
                        "OTEL_EXPORTER_OTLP_ENDPOINT",
                        _collector(),
                    )
                self._lost += len(spans)
        return result

    def shutdown(self) -> None:
        """Send no more."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        return self._exporter.force_flush(timeout_millis)


def _collector() -> str:
    """Host and port of the collector, without what may be secret."""
    address = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get(
        "OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"
    )
    return urlsplit(address).netloc.rpartition("@")[2]
