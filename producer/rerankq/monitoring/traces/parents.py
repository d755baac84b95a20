"""The span that a job was submitted in: parent of the job's spans in all processes."""

import hashlib
import re
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
ROOT: Final = Context()
SAMPLED: Final = frozenset("13579bdf")
"""The last digit of a context in W3C's form, if it is sampled."""


def span_context(traceparent: str | None) -> SpanContext | None:
    """The span of another process; None if the text is no context in W3C's form."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None:
        return None
    flags = TraceFlags(int(found[3], 16))
    context = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=flags)
    return context if context.is_valid else None


def origin_of(job_id: str, sampler: Sampler) -> SpanContext:
    """The context of a job that was submitted without one: made of its id, so always the same.

    So all workers put the spans of a job into one trace, and all sample it or none does.
    """
    digest = hashlib.blake2b(job_id.encode(), digest_size=24).digest()
    trace_id, span_id = int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:]) or 1
    decision = sampler.should_sample(ROOT, trace_id, "job").decision
    is_sampled = decision is Decision.RECORD_AND_SAMPLE
    flags = TraceFlags(TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


def within(parent: SpanContext | Span) -> Context:
    """The context of spans whose parent is this."""
    span = parent if isinstance(parent, Span) else NonRecordingSpan(parent)
    return set_span_in_context(span, ROOT)


def traceparent_of(span: Span) -> str:
    """A span's context in W3C's form."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"
