"""What happens to a job, from its acceptance to an end."""

from dataclasses import dataclass
from typing import ClassVar

from rerankq.contract import JobState, Lane
from rerankq.events.event import Event, JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAccepted(Event):
    """A client has recorded a job. Not said of a repeat of a job that was accepted earlier."""

    name: ClassVar[str] = "job.accepted"
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled(Event):
    """A client has cancelled a job.

    Attributes:
        was: the state in which it was until then.
    """

    name: ClassVar[str] = "job.cancelled"
    job: JobRef
    was: JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class JobClaimed(Event):
    """A worker has taken a job under a lease, and read it.

    Attributes:
        attempts: attempts used before.
        waited_seconds: since the job might first run, by Redis' clock.
    """

    name: ClassVar[str] = "job.claimed"
    job: JobRef
    attempts: int
    waited_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed(Event):
    """A call brought a job no ranking; said when it is known what that means for the job.

    Attributes:
        attempt: which call of the job it was, from 1.
        reason: what the job met. Where the upstream is to blame, no attempt may have been used.
        status: HTTP status, if there was one.
        cause: what lies behind it (`dns`, `answer_timeout`, …), where more is known.
        request_id: the upstream's own id of the call.
        message: what happened, in words.
    """

    name: ClassVar[str] = "attempt.failed"
    job: JobRef
    attempt: int
    reason: str
    status: int | None
    cause: str | None
    request_id: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSucceeded(Event):
    """A job's ranking stands in the ledger.

    Attributes:
        attempts: attempts used in all.
        waited_seconds: from when the job might first run to its last call.
        call_seconds: how long that call took.
        prompt_tokens: as the upstream counts; 0 when it does not say.
        total_tokens: likewise.
        estimated_tokens: rerankq's own estimate.
    """

    name: ClassVar[str] = "job.succeeded"
    job: JobRef
    attempts: int
    waited_seconds: float
    call_seconds: float
    prompt_tokens: int
    total_tokens: int
    estimated_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed(Event):
    """It stands in the ledger that a job will have no ranking.

    Attributes:
        attempts: attempts used in all.
        reason: why.
        status: HTTP status of the last call, if there was one.
    """

    name: ClassVar[str] = "job.failed"
    job: JobRef
    attempts: int
    reason: str
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobExpired(Event):
    """A job's deadline has passed, and it stands in the ledger that it will have no ranking."""

    name: ClassVar[str] = "job.expired"
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRetried(Event):
    """A job was put off, to be tried again.

    Attributes:
        attempts: attempts used so far.
        reason: why.
        delay_seconds: how long it waits at least.
    """

    name: ClassVar[str] = "job.retried"
    job: JobRef
    attempts: int
    reason: str
    delay_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReleased(Event):
    """A worker that is about to end has given a job back: any other may take it at once."""

    name: ClassVar[str] = "job.released"
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRevoked(Event):
    """A worker stopped working on a job: it was cancelled, expired, or is another worker's."""

    name: ClassVar[str] = "job.revoked"
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFaulted(Event):
    """A fault in rerankq itself ended an attempt; `job.failed` follows, with `internal_error`.

    Attributes:
        origin: the error's class, and the line where it was raised.
    """

    name: ClassVar[str] = "job.faulted"
    job: JobRef
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobUnclaimable(Event):
    """The ledger refuses for good to give out a job: its worker leaves it alone.

    Attributes:
        message: what the ledger says.
    """

    name: ClassVar[str] = "job.unclaimable"
    job: JobRef
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRefused(Event):
    """The ledger did not take what became of a job: it had ended, or was another worker's.

    So it is as well when an earlier try to write this very outcome was done, and its answer lost.

    Attributes:
        repeated: whether there was an earlier try without an answer.
    """

    name: ClassVar[str] = "outcome.refused"
    job: JobRef
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeDropped(Event):
    """For a whole lease the ledger could not write what became of a job; it will run again.

    Attributes:
        message: what the ledger says.
    """

    name: ClassVar[str] = "outcome.dropped"
    job: JobRef
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDamaged(Event):
    """A job left its lane, as another hand has deleted or damaged its record."""

    name: ClassVar[str] = "job.damaged"
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsRequeued(Event):
    """The reconciler announces jobs of a lane again: due, or lost by a worker or a message.

    Attributes:
        count: how many.
    """

    name: ClassVar[str] = "jobs.requeued"
    lane: Lane
    count: int
