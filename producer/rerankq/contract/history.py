"""What is told of jobs in lists: which are wanted, a summary of each, and one job's timeline.

Times are Unix seconds by Redis' clock.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, model_validator

from rerankq.contract.batch import TenantName, WaitReason
from rerankq.contract.bounds import MAX_UNIX_SECONDS
from rerankq.contract.job import unix_seconds
from rerankq.contract.lanes import JobState, Lane
from rerankq.contract.message import Message

_Time = Annotated[StrictFloat, Field(ge=0, le=MAX_UNIX_SECONDS), BeforeValidator(unix_seconds)]


class JobFilter(Message):
    """Which jobs are wanted. What is left out, or empty, does not matter.

    `since` and `until` are compared with the time at which a job ended; for one that has not, with
    the time at which it began to run, or was submitted.
    """

    states: frozenset[JobState] = frozenset()
    reasons: frozenset[str] = frozenset()
    job_id: str | None = None
    batch_id: str | None = None
    custom_id: str | None = None
    tenant: TenantName | None = None
    lane: Lane | None = None
    model: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    since: _Time | None = None
    until: _Time | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("since is after until")
        return self


class JobCall(Message):
    """The call that a job ended with."""

    seconds: StrictFloat | None = Field(default=None, description="Of one that brought a ranking.")
    tokens: StrictInt = Field(default=0, description="The upstream's count, or an estimate.")
    status: StrictInt | None = Field(default=None, description="HTTP status.")
    request_id: str | None = Field(default=None, description="The upstream's own id of the call.")


class JobSummary(Message):
    """A job in a list. It says nothing of its query, its documents and its ranking."""

    id: str
    state: JobState
    lane: Lane
    submitted_at: StrictFloat
    started_at: StrictFloat | None = Field(default=None, description="When it was claimed last.")
    finished_at: StrictFloat | None = None
    next_attempt_at: StrictFloat | None = Field(
        default=None, description="When a scheduled job may run."
    )
    deadline_at: StrictFloat | None = None
    attempts: StrictInt = 0
    retries: StrictInt = Field(default=0, description="Its calls that brought no ranking.")
    reason: str | None = Field(
        default=None, description="Why it failed, or why it waits for another attempt."
    )
    held: bool = Field(default=False, description="Whether a pause of its batch holds it back.")
    batch_id: str | None = None
    custom_id: str | None = None
    tenant: str | None = None
    model: str = ""
    metadata: dict[str, str] = Field(
        default_factory=dict, description="The job's own; its batch's if it has none."
    )
    call: JobCall | None = Field(default=None, description="Of a job that ended by a call.")


class JobPage(Message):
    """Some jobs of a list.

    A page may have fewer jobs than asked for, or none, and still have a `next`: a search reads only
    so much for one page.
    """

    jobs: tuple[JobSummary, ...]
    next: str | None = Field(
        default=None, description="Give it as `after` to get the next page; None at the end."
    )


StepKind = Literal[
    "submitted",
    "may_run",
    "attempt_failed",
    "waited",
    "claimed",
    "next_attempt",
    "deadline",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
]


class JobStep(Message):
    """Something that happened to a job, or that is to come."""

    at: StrictFloat | None = Field(default=None, description="None when the time is not known.")
    what: StepKind
    reason: str | None = None
    status: StrictInt | None = Field(default=None, description="HTTP status of the answer.")
    request_id: str | None = Field(default=None, description="The upstream's own id of the call.")
    message: str = ""


class JobTimeline(Message):
    """What happened to a job, in order; and for one that waits, why, and for how long."""

    job: JobSummary
    steps: tuple[JobStep, ...]
    waits: tuple[WaitReason, ...] = Field(
        default=(), description="Why it waits, the most important reason first."
    )
    expected_at: StrictFloat | None = Field(
        default=None, description="When its call begins, as far as that can be foreseen."
    )
    has_result: bool = Field(default=False, description="Whether its result can be read.")
    has_dead_letter: bool = Field(
        default=False, description="Whether it can be replayed: `rerankq dead replay`."
    )
    is_forgotten: bool = Field(
        default=False, description="Whether only the history knows it any more."
    )


class AuditEntry(Message):
    """Something that somebody did to the service.

    `actor` is `token ID` for a caller of the gateway, `anonymous` for one without a token, and
    `USER@HOST` for a command.
    """

    number: StrictInt = Field(description="Counts all entries; newer ones have larger numbers.")
    at: StrictFloat
    actor: str
    tenant: str | None = Field(default=None, description="Whose token it was.")
    by: Literal["command", "gateway"]
    action: str = Field(description="Such as `batch.pause`.")
    subject: str = Field(default="", description="The id or name that it was done to.")
    outcome: str = Field(description="`ok`, or the code of the error.")
    details: dict[str, str] = Field(default_factory=dict)
