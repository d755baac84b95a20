"""What every event is: a frozen record with a name and measures."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rerankq.contract import Job, Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that has happened.

    Durations are in seconds: those of calls and waits by the monotonic clock of the process that
    tells them, those since a job might first run by Redis' clock. Reasons are the codes that
    `docs/life-of-a-job.md` explains. A message is written for a log: it quotes no job.

    Attributes:
        name: of the kind: what it is about, a dot, and what happened.
    """

    name: ClassVar[str] = ""


class JobRef(NamedTuple):
    """Which job an event is about: all that may be told of it.

    Attributes:
        id: the job's id.
        lane: None where only the id is known; so are those below.
        model: the model that it asks for; empty where that is not known.
        batch_id: the batch that it belongs to.
        custom_id: the caller's own name for it.
        traceparent: the span that it was submitted in, in W3C's form.
    """

    id: str
    lane: Lane | None = None
    model: str = ""
    batch_id: str | None = None
    custom_id: str | None = None
    traceparent: str | None = None

    @classmethod
    def of(cls, job: Job) -> "JobRef":
        """Which job this is."""
        trace = job.trace_context.get("traceparent")
        return cls(job.id, job.lane, job.request.model, job.batch_id, job.custom_id, trace)
