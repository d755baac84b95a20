"""Where spans go: sampled, gathered, sent by OTLP over HTTP, and flushed at the process' end."""

import os
import socket
import threading
from importlib.metadata import version
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler

from rerankq.monitoring.traces.telling import TellingExporter

FLUSH_SECONDS: Final = 2.0
"""How long the end of a process waits for the collector to take the last spans."""
NAME: Final = "rerankq"


class Traces:
    """Makes spans, and sends them from a thread; at most `OTEL_BSP_MAX_QUEUE_SIZE` (2,048) wait.

    Args:
        service: what the process is; `OTEL_SERVICE_NAME` may give it another name.
        lane: the lane that it serves, if it serves one.

    Attributes:
        tracer: makes spans.
        sampler: `OTEL_TRACES_SAMPLER`; asked only about traces that begin here.
    """

    def __init__(self, *, service: str, lane: str = "") -> None:
        # Its own end at the process' exit would wait for half a minute.
        self._provider = TracerProvider(resource=_resource(service, lane), shutdown_on_exit=False)
        self.sampler = self._provider.sampler = _by_parent(self._provider.sampler)
        self._provider.add_span_processor(BatchSpanProcessor(TellingExporter(OTLPSpanExporter())))
        self.tracer = self._provider.get_tracer(NAME, version(NAME))
        self._ending: threading.Thread | None = None
        self._begun = threading.Lock()

    def use_for_clients(self) -> None:
        """Let clients of this process trace what they submit."""
        trace.set_tracer_provider(self._provider)

    def end_soon(self) -> None:
        """Begin to send what is left, without waiting; spans that end later are dropped."""
        with self._begun:
            if self._ending is None:
                self._ending = threading.Thread(
                    target=self._provider.shutdown, name="rerankq-traces", daemon=True
                )
                self._ending.start()

    def end(self) -> None:
        """Send what is left, and wait for that, though not for long."""
        self.end_soon()
        if self._ending:
            self._ending.join(FLUSH_SECONDS)


def _by_parent(sampler: Sampler) -> Sampler:
    return sampler if isinstance(sampler, ParentBased) else ParentBased(sampler)


def _resource(service: str, lane: str) -> Resource:
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": f"rerankq-{service}"}
    return Resource.create(
        {
            "service.version": version(NAME),
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            **({"rerankq.lane": lane} if lane else {}),
            **named,
        }
    )
