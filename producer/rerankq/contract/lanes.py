"""The names on which all sides agree: Celery's task and queues, lanes, and the states of a job."""

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
        """Name of the Celery queue for what is announced again: it need not wait in line twice."""
        return f"{self.queue}.again"

    @property
    def jobs_per_hint(self) -> int:
        """Most jobs that one message names: many share Celery's cost, one has no wait."""
        return MAX_HINT_JOBS if self is Lane.BULK else 1


class JobState(StrEnum):
    """Where a job stands. The last four are ends: they never change."""

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
