"""The fields of a JSON line: `docs/tracing-and-logs.md` lists their names, which are stable."""

import logging
from collections.abc import Mapping
from dataclasses import fields as measures_of
from typing import Any, Final, NamedTuple

from rerankq.events import AttemptFailed, CallFinished, CallRef, Event, JobRef

EVENT: Final = "rerankq_event"
"""The attribute of a record: the event that it tells."""
FIELDS: Final = "rerankq_fields"
"""The attribute of a record: fields by name."""
FIGURES: Final = "figures"
"""The attribute of a record: figures, for one field of that name. No burst has such a line."""
ABOUT: Final = "about"
"""The attribute of a record of trouble: what is in trouble."""
ENDS: Final = "ends"
"""The attribute of a record that ends trouble: of what."""
STATES: Final = "states"
"""The last part of the name of a logger for changes of state; the first argument of its lines names
what has changed."""

_OF_A_KIND: Final = ("event", "reason", "status", "operation", "breaker", "site", "account")
"""Fields that may stand in the line of a whole burst."""
_UPSTREAMS: Final = frozenset({AttemptFailed, CallFinished})
"""Events whose `request_id` is the upstream's, and not that of a request over HTTP to us."""
_UNTOLD: Final = frozenset({"message"})
_TRACEPARENT_PARTS: Final = 4
_PLAIN: Final = (str, int, float)


def about(event: Event, **more: object) -> dict[str, object]:
    """The `extra` of a line that tells an event."""
    return {EVENT: event, **more}


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record carries besides its text."""
    found: dict[str, Any] = {}
    if (event := getattr(record, EVENT, None)) is not None:
        found |= event_fields(event)
    if (fields := getattr(record, FIELDS, None)) is not None:
        found |= {name: value for name, value in fields.items() if value is not None}
    if figures := getattr(record, FIGURES, None):
        found[FIGURES] = figures
    return found


def shared_fields(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a line that stands for many."""
    fields = fields_of(record)
    return {name: fields[name] for name in _OF_A_KIND if name in fields}


def event_fields(event: Event) -> dict[str, Any]:
    """An event's measures by name, but for its message, which is the line's text."""
    found: dict[str, Any] = {"event": event.name}
    for name in (each.name for each in measures_of(event) if each.name not in _UNTOLD):
        value = getattr(event, name)
        if value is None or value == "":
            continue
        if name == "traceparent":
            found |= trace_fields(value)
        elif isinstance(value, JobRef):
            found |= job_fields(value)
        elif isinstance(value, CallRef):
            found |= _named(value)
        elif not isinstance(value, _PLAIN):
            found[name] = dict(value) if isinstance(value, Mapping) else str(value)
        else:
            is_upstreams = name == "request_id" and type(event) in _UPSTREAMS
            found["upstream_request_id" if is_upstreams else name] = value
    return found


def job_fields(job: JobRef) -> dict[str, Any]:
    """What tells which job a line is about. A `custom_id` is not told: it is the caller's own."""
    found = {
        "job_id": job.id,
        "lane": job.lane and job.lane.value,
        "batch_id": job.batch_id,
        "model": job.model or None,
        "tenant": job.tenant,
        "request_id": job.request_id,
        **trace_fields(job.traceparent),
    }
    return {name: value for name, value in found.items() if value is not None}


def trace_fields(traceparent: str | None) -> dict[str, str]:
    """`trace_id` and `span_id` of a context in W3C's form; none if it is not of that form."""
    parts = (traceparent or "").split("-")
    if len(parts) < _TRACEPARENT_PARTS:
        return {}
    return {"trace_id": parts[1], "span_id": parts[2]}


def _named(some: NamedTuple) -> dict[str, Any]:
    return {name: value for name, value in some._asdict().items() if value is not None}
