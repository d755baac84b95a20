"""A collector of traces: takes OTLP over HTTP, as protobuf."""

import gzip
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from running.http_thread import HttpThread
from running.waiting import eventually


class SentSpan(NamedTuple):
    """A span that came; ids in hexadecimal, times in nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    kind: str
    attributes: Mapping[str, Any]
    links: frozenset[tuple[str, str]]
    service: str
    start: int
    end: int
    is_error: bool

    @property
    def traceparent(self) -> str:
        """Its context in W3C's form."""
        return f"00-{self.trace}-{self.id}-01"

    @property
    def context(self) -> tuple[str, str]:
        """Trace and span."""
        return self.trace, self.id


class Collector(HttpThread):
    """Serves between `with` and its end.

    Attributes:
        bodies: what came, as it came: to look for what must not be in it.
    """

    def __init__(self) -> None:
        self._spans: list[SentSpan] = []
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                collector._take(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a process sends its spans here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.address,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def of_job(self, job_id: str) -> list[SentSpan]:
        """The spans of the trace in which a job is, the earliest first."""
        spans = list(self._spans)
        traces = {each.trace for each in spans if each.attributes.get("rerankq.job.id") == job_id}
        return sorted((each for each in spans if each.trace in traces), key=lambda each: each.start)

    def until(self, job_id: str, outcome: str, *, seconds: float = 60) -> list[SentSpan]:
        """The same, once one of them tells that outcome."""
        eventually(
            lambda: any(
                each.attributes.get("rerankq.outcome") == outcome for each in self.of_job(job_id)
            ),
            f"the trace of {job_id} tells {outcome}",
            seconds=seconds,
        )
        return self.of_job(job_id)

    @property
    def spans(self) -> list[SentSpan]:
        """All that came."""
        return list(self._spans)

    def _take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        self.bodies.append(body)
        for of_process in request.resource_spans:
            service = _attributes(of_process.resource.attributes)["service.name"]
            for of_library in of_process.scope_spans:
                self._spans += [_read(span, service) for span in of_library.spans]


def _read(span: trace_pb2.Span, service: str) -> SentSpan:
    return SentSpan(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        attributes=_attributes(span.attributes),
        links=frozenset((each.trace_id.hex(), each.span_id.hex()) for each in span.links),
        service=service,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        is_error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
    )


def _attributes(given: Any) -> dict[str, Any]:
    def value(each: KeyValue) -> Any:
        return getattr(each.value, str(each.value.WhichOneof("value")))

    return {each.key: value(each) for each in given}
