"""The spans of calls of webhooks, and of Celery tasks that are sent when jobs end."""

import time
from typing import Any

from opentelemetry.trace import SpanKind, Status, StatusCode

from rerankq.events import (
    CallbackDelivered,
    CallbackFailed,
    Events,
    WebhookDelivered,
    WebhookFailed,
)
from rerankq.monitoring.traces import attributes as named
from rerankq.monitoring.traces.parents import span_context, within
from rerankq.monitoring.traces.sending import Traces

_NANOS = 1_000_000_000


class DeliveryTraces:
    """Makes a span for each try, in the trace of the job that has ended.

    Ends of batches have none, as the jobs of a batch have traces of their own.

    Args:
        events: of the process.
        traces: makes and sends spans.
    """

    def __init__(self, events: Events, traces: Traces) -> None:
        self._tracer = traces.tracer
        events.listen(self._called_back, CallbackDelivered)
        events.listen(self._called_back, CallbackFailed)
        events.listen(self._called, WebhookDelivered)
        events.listen(self._called, WebhookFailed)

    def _called_back(self, event: CallbackDelivered | CallbackFailed) -> None:
        told = {
            named.MESSAGING_SYSTEM: "celery",
            named.MESSAGING_OPERATION: "send",
            named.MESSAGING_OPERATION_TYPE: "send",
            named.DESTINATION: event.queue or "celery",
            named.MESSAGE_ID: event.event_id,
        }
        failed = isinstance(event, CallbackFailed)
        self._tell(event, f"send {event.task}", SpanKind.PRODUCER, told, failed=failed)

    def _called(self, event: WebhookDelivered | WebhookFailed) -> None:
        told = {
            named.HTTP_METHOD: "POST",
            named.HTTP_STATUS: event.status,
            named.SERVER_ADDRESS: event.host,
        }
        failed = isinstance(event, WebhookFailed)
        self._tell(event, "POST webhook", SpanKind.CLIENT, told, failed=failed)

    def _tell(
        self,
        event: CallbackDelivered | CallbackFailed | WebhookDelivered | WebhookFailed,
        title: str,
        kind: SpanKind,
        told: dict[str, Any],
        *,
        failed: bool,
    ) -> None:
        parent = span_context(event.traceparent)
        if parent is None or not parent.trace_flags.sampled:
            return
        now = time.time_ns()
        told |= {
            named.EVENT_ID: event.event_id,
            named.EVENT_TYPE: event.event_type,
            named.TRIES: event.tries,
        }
        if failed:
            told[named.ERROR_TYPE] = str(told.get(named.HTTP_STATUS) or "not_delivered")
        span = self._tracer.start_span(
            title,
            within(parent),
            kind,
            {name: value for name, value in told.items() if value is not None},
            start_time=now - int(event.seconds * _NANOS),
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)
