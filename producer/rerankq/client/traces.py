"""The spans in which a client submits jobs, in the trace of the program that uses the client.

They are made only if the program itself has imported OpenTelemetry and set it up. Then each job
carries the context of its span, and workers go on with that trace. A program without OpenTelemetry
pays nothing that could be measured.

A job that is submitted alone belongs to the trace in which it is submitted. Of many that are
submitted together each has a trace of its own, which links to that one: nobody could look at a
trace of a million spans, and traces of their own are sampled one by one.
"""

import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from rerankq.contract import Job, Lane
from rerankq.errors import RerankqError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer, TracerProvider

_LIBRARY: Final = "opentelemetry.trace"
_NAME: Final = "rerankq"
_TRACEPARENT: Final = "traceparent"
_SAMPLED: Final = frozenset("13579bdf")
"""The last digit of a context in W3C's form, if it is sampled."""
_ABSENT_SECONDS: Final = 1.0
MOST_LINKS: Final = 100
"""One span links to at most so many others; the library keeps 128."""


class _Absence:
    """Until when the program is taken to have no OpenTelemetry: it is asked once a second."""

    until = -math.inf


def tracer() -> "Tracer | None":
    """The program's tracer; None if it has not set up OpenTelemetry."""
    if _LIBRARY not in sys.modules or (now := time.monotonic()) < _Absence.until:
        return None
    from opentelemetry import trace  # noqa: PLC0415  it is loaded already

    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        _Absence.until = now + _ABSENT_SECONDS
        return None
    return _tracer_of(provider)


@contextmanager
def submission(tracer: "Tracer", job: Job) -> Iterator[Job]:
    """A span for the submission of one job; gives the job with that span's context."""
    from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415

    span = tracer.start_span(
        f"submit {job.lane.queue}",
        _stated_parent(job),
        SpanKind.PRODUCER,
        _attributes("submit", job.lane, job),
    )
    try:
        yield _carrying(job, span)
    except BaseException as error:
        # Not recorded as an exception: that has the message and a traceback.
        code = error.code if isinstance(error, RerankqError) else type(error).__name__
        span.set_attribute("error.type", code)
        span.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        span.end()


def created(tracer: "Tracer", job: Job) -> Job:
    """One of many jobs, with a trace of its own; a job that states its parent belongs to that."""
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import Link, SpanKind, get_current_span  # noqa: PLC0415

    parent, links = _stated_parent(job), []
    if parent is None:
        current = get_current_span().get_span_context()
        parent, links = Context(), [Link(current)] if current.is_valid else []
    about = _attributes("create", job.lane, job)
    span = tracer.start_span(f"create {job.lane.queue}", parent, SpanKind.PRODUCER, about, links)
    span.end()
    return _carrying(job, span)


@contextmanager
def sending(lane: Lane, traceparents: Sequence[str]) -> Iterator[str | None]:
    """A span for messages that name these jobs; gives its context, None when none is sampled.

    Args:
        lane: of the jobs.
        traceparents: the contexts of those that have one.
    """
    sampled = [each for each in traceparents if each[-1] in _SAMPLED]
    making = tracer() if sampled else None
    if making is None:
        yield None
        return
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import Link, SpanKind, get_current_span  # noqa: PLC0415

    above = [_extracted({_TRACEPARENT: each}) for each in sampled[:MOST_LINKS]]
    links = [Link(get_current_span(each).get_span_context()) for each in above]
    span = making.start_span(
        f"send {lane.queue}",
        # A message of one job belongs to the job's own trace.
        above[0] if len(traceparents) == 1 else Context(),
        SpanKind.PRODUCER,
        _attributes("send", lane) | {"messaging.batch.message_count": len(traceparents)},
        links,
    )
    try:
        yield _injected(span).get(_TRACEPARENT)
    finally:
        span.end()


@lru_cache(maxsize=4)
def _tracer_of(provider: "TracerProvider") -> "Tracer":
    return provider.get_tracer(_NAME, version(_NAME))


def _stated_parent(job: Job) -> "Context | None":
    """The context that the job's submitter has stated; None for the current one."""
    return _extracted(job.trace_context) if _TRACEPARENT in job.trace_context else None


def _carrying(job: Job, span: "Span") -> Job:
    return job.model_copy(update={"trace_context": {**job.trace_context, **_injected(span)}})


def _extracted(carrier: Mapping[str, str]) -> "Context":
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

    return tracecontext.TraceContextTextMapPropagator().extract(carrier, Context())


def _injected(span: "Span") -> dict[str, str]:
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415
    from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

    carrier: dict[str, str] = {}
    tracecontext.TraceContextTextMapPropagator().inject(carrier, set_span_in_context(span))
    return carrier


def _attributes(operation: str, lane: Lane, job: Job | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "messaging.system": _NAME,
        "messaging.operation.name": operation,
        "messaging.operation.type": "create" if operation == "create" else "send",
        "messaging.destination.name": lane.queue,
    }
    if job is not None:
        told |= {"messaging.message.id": job.id, "rerankq.job.id": job.id}
        if job.batch_id is not None:
            told["rerankq.batch.id"] = job.batch_id
        if job.tenant is not None:
            told["rerankq.tenant"] = job.tenant
    return told
