"""Tells listeners which jobs were recorded, and which were not for now."""

from collections.abc import Sequence

from rerankq.client.refusals import lane_of
from rerankq.contract import Job
from rerankq.errors import QueueFull, QuotaExceeded
from rerankq.events import Events, JobAccepted, JobRef, JobRefused
from rerankq.ledger.intake import PreparedJob


class SubmissionEvents:
    """Tells them.

    Args:
        events: where they listen.
    """

    def __init__(self, events: Events) -> None:
        self._events = events

    def accepted(self, jobs: Sequence[Job] | Sequence[PreparedJob]) -> None:
        """These jobs were recorded."""
        if JobAccepted in self._events.wanted:
            for job in jobs:
                self._events.tell(JobAccepted(job=_reference(job)))

    def refused(self, job: Job | PreparedJob, full: QueueFull, jobs: int = 1) -> None:
        """So many jobs, the first of which is this one, were not recorded for now."""
        if JobRefused not in self._events.wanted:
            return
        over = full if isinstance(full, QuotaExceeded) else None
        self._events.tell(
            JobRefused(
                job=_reference(job),
                jobs=jobs,
                reason=full.code,
                quota=over.quota if over else "",
                retry_after=over.retry_after if over else None,
            )
        )


def _reference(job: Job | PreparedJob) -> JobRef:
    if isinstance(job, Job):
        return JobRef.of(job)
    batch, custom, tenant = (job.head.get(name) for name in ("batch", "custom", "tenant"))
    return JobRef(job.id, lane_of(job), batch_id=batch, custom_id=custom, tenant=tenant)
