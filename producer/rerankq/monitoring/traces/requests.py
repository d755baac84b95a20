"""The spans of requests over HTTP that a gateway answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.context import attach, detach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from rerankq.events import Events, RequestFinished
from rerankq.monitoring.traces import attributes as named
from rerankq.monitoring.traces.parents import ROOT, SAMPLED, span_context, traceparent_of, within
from rerankq.monitoring.traces.sending import Traces

MOST_REQUESTS: Final = 20_000
"""Requests that are traced at the same time."""
_SERVERS_FAULT: Final = 500
_GONE: Final = "caller_gone"


class RequestTraces:
    """Begins the span of a request, and ends it when an event tells that it is over.

    Args:
        events: of the gateway.
        traces: makes and sends spans.
    """

    def __init__(self, events: Events, traces: Traces) -> None:
        self._tracer = traces.tracer
        self._open: dict[str, Span] = {}
        events.listen(self._finished, RequestFinished)

    @contextmanager
    def begun(self, method: str, parent: str | None) -> Iterator[str]:
        """While entered, what the request submits belongs to its span.

        Args:
            method: of the request.
            parent: the caller's span in W3C's form.

        Yields:
            Its span in W3C's form, also when it is not sampled: then what it submits is not either.
        """
        if parent and parent[-1] not in SAMPLED:
            yield parent
            return
        above = span_context(parent)
        span = self._tracer.start_span(method, within(above) if above else ROOT, SpanKind.SERVER)
        own = traceparent_of(span)
        if not span.is_recording() or len(self._open) >= MOST_REQUESTS:
            yield own
            return
        self._open[own] = span
        token = attach(within(span))
        try:
            yield own
        finally:
            detach(token)

    def _finished(self, event: RequestFinished) -> None:
        span = self._open.pop(event.traceparent or "", None)
        if span is None:
            return
        route = event.route
        span.update_name(f"{event.method} {route}" if route else event.method)
        is_servers_fault = event.status is not None and event.status >= _SERVERS_FAULT
        error = event.reason if is_servers_fault else None if event.status else _GONE
        told: dict[str, Any] = {
            named.HTTP_METHOD: event.method,
            # Not the path: it may hold ids of others, or anything else that somebody tries.
            named.HTTP_ROUTE: route or None,
            named.HTTP_STATUS: event.status,
            named.ERROR_TYPE: error,
            named.REQUEST_ID: event.request_id,
            named.TENANT: event.tenant,
            named.JOB_ID: event.job_id,
        }
        span.set_attributes({name: value for name, value in told.items() if value is not None})
        if error:
            span.set_status(Status(StatusCode.ERROR))
        span.end()
