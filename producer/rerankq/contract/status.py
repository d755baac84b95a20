"""How a job stands, and how a batch of them does."""

from pydantic import Field

from rerankq.contract.lanes import JobState, Lane
from rerankq.contract.message import Message


class JobError(Message):
    """Why a job has no ranking: a stable `code`, and a sentence."""

    code: str
    message: str
    status: int | None = Field(default=None, description="HTTP status of the upstream's answer.")
    request_id: str | None = Field(default=None, description="The upstream's own id of the call.")


class JobStatus(Message):
    """Where a job stands. Times are Unix seconds by Redis' clock."""

    id: str
    state: JobState
    lane: Lane
    attempts: int = Field(description="Calls that were answered or lost; throttled ones are not.")
    submitted_at: float
    started_at: float | None = None
    finished_at: float | None = None
    next_attempt_at: float | None = None
    deadline_at: float | None = None
    custom_id: str | None = None
    batch_id: str | None = None
    error: JobError | None = None
    last_error: JobError | None = Field(
        default=None, description="Why the job has no ranking yet, when it was tried before."
    )


class BatchProgress(Message):
    """Counts of a batch. `total` grows until the batch is sealed."""

    id: str
    sealed: bool
    total: int
    rejected: int = Field(description="Lines that never became jobs.")
    existing: int = Field(
        default=0, description="Lines whose job had been accepted before, by idempotency key."
    )
    succeeded: int
    failed: int
    cancelled: int
    expired: int

    @property
    def ended(self) -> int:
        """Entries that have their end: lines that are no job of the batch's own count as ended."""
        own = self.succeeded + self.failed + self.cancelled + self.expired
        return self.rejected + self.existing + own
