"""The status of a job, and the progress of a batch."""

from typing import Self

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from rerankq.contract.lanes import JobState, Lane
from rerankq.contract.message import Message
from rerankq.errors import JobEnded


def where_it_is_kept(job_id: str) -> str:
    """The end of a failure's message, when the upstream's own words are with its dead letter."""
    return f"; operators see what it said by `rerankq dead show {job_id}`"


class JobError(Message):
    """Why a job has no ranking: a stable `code`, and a sentence."""

    code: str
    message: str
    status: StrictInt | None = Field(
        default=None, description="HTTP status of the upstream's answer."
    )
    request_id: str | None = Field(default=None, description="The upstream's own id of the call.")

    @classmethod
    def of(cls, end: JobEnded) -> Self:
        """Why a job that has ended has no ranking."""
        return cls(
            code=end.reason, message=end.message, status=end.status, request_id=end.request_id
        )


class JobStatus(Message):
    """The status of a job. Times are Unix seconds by Redis' clock."""

    id: str
    state: JobState
    lane: Lane
    attempts: StrictInt = Field(
        description="Calls that were answered or lost; throttled ones are not."
    )
    submitted_at: StrictFloat
    started_at: StrictFloat | None = None
    finished_at: StrictFloat | None = None
    next_attempt_at: StrictFloat | None = None
    deadline_at: StrictFloat | None = None
    custom_id: str | None = None
    batch_id: str | None = None
    error: JobError | None = None
    last_error: JobError | None = Field(
        default=None, description="Why the job has no ranking yet, when it was tried before."
    )


class BatchProgress(Message):
    """Counts of a batch. `total` grows until the batch is sealed."""

    id: str
    sealed: StrictBool
    total: StrictInt
    rejected: StrictInt = Field(description="Lines that never became jobs.")
    existing: StrictInt = Field(
        default=0, description="Lines whose job had been accepted before, by idempotency key."
    )
    succeeded: StrictInt
    failed: StrictInt
    cancelled: StrictInt
    expired: StrictInt

    @property
    def ended(self) -> int:
        """Entries that have ended. Lines that are not jobs of this batch count as ended."""
        own = self.succeeded + self.failed + self.cancelled + self.expired
        return self.rejected + self.existing + own
