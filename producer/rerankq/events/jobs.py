"""Events of a job, from its acceptance to its end."""

from dataclasses import dataclass
from typing import ClassVar

from rerankq.contract import JobState, Lane
from rerankq.events.event import Event, JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAccepted(Event):
    """A client has recorded a job. Not told for a repeat of a job that was accepted earlier."""

    name: ClassVar[str] = "job.accepted"
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRefused(Event):
    """A job was not recorded, because its lane is full or a quota of its tenant is used up.

    Of a stream, which waits for room first, this is told when it gives up. A repeat may be taken.

    Attributes:
        job: the first one that was refused.
        jobs: how many were refused together with it; 1 for a job that was submitted alone.
        reason: `queue_full` or `quota_exceeded`.
        quota: which one is used up; empty when the lane is full.
        retry_after: seconds until a repeat can succeed; None when that is not known.
    """

    name: ClassVar[str] = "job.refused"
    job: JobRef
    jobs: int
    reason: str
    quota: str
    retry_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled(Event):
    """A client has cancelled a job.

    Attributes:
        was: the state before.
    """

    name: ClassVar[str] = "job.cancelled"
    job: JobRef
    was: JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class JobClaimed(Event):
    """A worker has taken a job under a lease, and read it.

    Attributes:
        attempts: attempts used before.
        waited_seconds: since the job could first run, by Redis' clock.
        claim_seconds: since the claim was sent to the ledger.
        carrier: the span in which the message was sent that named the job, in W3C's form.
    """

    name: ClassVar[str] = "job.claimed"
    job: JobRef
    attempts: int
    waited_seconds: float
    claim_seconds: float = 0.0
    carrier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed(Event):
    """A call for a job returned no ranking; told once it is decided what happens to the job.

    Attributes:
        attempt: number of the job's call, from 1.
        reason: why. If the upstream is to blame, the call may not count as an attempt.
        status: HTTP status, if there was one.
        cause: the cause (`dns`, `answer_timeout`, …), when it is known.
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
    """A job's ranking is recorded in the ledger.

    Attributes:
        attempts: attempts used in all.
        waited_seconds: from when the job could first run to its last call.
        call_seconds: how long that call took; of several, from the first permit that was asked for
            to the last answer.
        prompt_tokens: the upstream's count; 0 when it does not tell.
        total_tokens: the upstream's count; 0 when it does not tell.
        estimated_tokens: rerankq's own estimate.
        calls: how many calls brought its scores; of a large job several.
    """

    name: ClassVar[str] = "job.succeeded"
    job: JobRef
    attempts: int
    waited_seconds: float
    call_seconds: float
    prompt_tokens: int
    total_tokens: int
    estimated_tokens: int
    calls: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed(Event):
    """The ledger has recorded that a job failed: it will have no ranking.

    Attributes:
        attempts: attempts used in all.
        reason: why.
        status: HTTP status of the last call, if there was one.
        message: what happened, in words.
    """

    name: ClassVar[str] = "job.failed"
    job: JobRef
    attempts: int
    reason: str
    status: int | None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobExpired(Event):
    """A job's deadline has passed, and the ledger has recorded that: it will have no ranking."""

    name: ClassVar[str] = "job.expired"
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRetried(Event):
    """A job was postponed, to be tried again.

    Attributes:
        attempts: attempts used so far.
        reason: why.
        delay_seconds: how long it waits, at least.
    """

    name: ClassVar[str] = "job.retried"
    job: JobRef
    attempts: int
    reason: str
    delay_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReleased(Event):
    """A worker that shuts down has handed a job back: any other may take it at once."""

    name: ClassVar[str] = "job.released"
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRevoked(Event):
    """A worker stopped its work on a job that was cancelled, expired, or is another worker's."""

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
    """The ledger refuses to give out a job, and would again: the worker does not ask once more.

    Attributes:
        message: what the ledger says.
    """

    name: ClassVar[str] = "job.unclaimable"
    job: JobRef
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRefused(Event):
    """The ledger did not accept a job's outcome: it had ended, or was another worker's.

    This also happens when an earlier try wrote this outcome and its answer was lost.

    Attributes:
        repeated: whether there was an earlier try without an answer.
    """

    name: ClassVar[str] = "outcome.refused"
    job: JobRef
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeDropped(Event):
    """For a whole lease a job's outcome could not be written to the ledger; it will run again.

    Attributes:
        message: what the ledger says.
    """

    name: ClassVar[str] = "outcome.dropped"
    job: JobRef
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDamaged(Event):
    """A job was taken out of its lane: something else had deleted or damaged its record."""

    name: ClassVar[str] = "job.damaged"
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsRequeued(Event):
    """The reconciler announces jobs of a lane again: they are due, or a lease or hint was lost.

    Attributes:
        count: how many.
    """

    name: ClassVar[str] = "jobs.requeued"
    lane: Lane
    count: int
