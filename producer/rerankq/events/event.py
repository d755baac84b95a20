"""The base class of events: a frozen record with a name and measures."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rerankq.contract import Job, Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that has happened.

    Durations are in seconds: those of calls and waits by the monotonic clock of the process that
    tells them, those since a job could first run by Redis' clock. Reasons are codes that
    `docs/life-of-a-job.md` explains. Messages may be logged: they never quote a job.

    Attributes:
        name: of the kind: what it is about, a dot, and what happened.
    """

    name: ClassVar[str] = ""


class JobRef(NamedTuple):
    """The job that an event is about: all that may be told of it.

    Attributes:
        id: the job's id.
        lane: None when only the id is known; then those below are empty too.
        model: the model that it asks for; empty when that is not known.
        batch_id: the batch that it belongs to.
        custom_id: the caller's own name for it.
        traceparent: the span that it was submitted in, in W3C's form.
        tenant: whose it is; None for the operator's, or when that is not known.
        request_id: the id of the HTTP request that it came by.
    """

    id: str
    lane: Lane | None = None
    model: str = ""
    batch_id: str | None = None
    custom_id: str | None = None
    traceparent: str | None = None
    tenant: str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, job: Job) -> "JobRef":
        """The reference to this job."""
        trace = job.trace_context
        return cls(
            *(job.id, job.lane, job.request.model, job.batch_id, job.custom_id),
            *(trace.get("traceparent"), job.tenant, trace.get("request_id")),
        )
