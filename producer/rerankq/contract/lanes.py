"""Names that all sides share: Celery's task and queues, lanes, and the states of a job."""

from enum import StrEnum
from typing import Final

from rerankq.contract.bounds import MAX_HINT_JOBS

TASK_NAME: Final = "rerankq.rerank"
"""The one Celery task. Its message names jobs; it never carries one."""


class Lane(StrEnum):
    """The queue a job waits in: each is served by a Celery worker of its own."""

    INTERACTIVE = "interactive"
    BULK = "bulk"

    @property
    def queue(self) -> str:
        """Name of the Celery queue, which is also the key of its list in Redis."""
        return f"rerankq.{self.value}"

    @property
    def redelivery_queue(self) -> str:
        """Name of the Celery queue for jobs announced again: they do not wait behind all others."""
        return f"{self.queue}.again"

    @property
    def jobs_per_hint(self) -> int:
        """Most jobs in a message: bulk jobs share its cost, an interactive one waits for none."""
        return MAX_HINT_JOBS if self is Lane.BULK else 1


class JobState(StrEnum):
    """The state of a job. The last four are ends: they never change."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """Whether this is an end."""
        return self in _ENDS


_ENDS: Final = frozenset(
    {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED}
)
