"""What happened to one job: from its record, or from the history when that is gone."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rerankq.contract import JobState, JobStep, JobSummary, JobTimeline
from rerankq.contract.history import StepKind
from rerankq.history.rows import seconds, summary_of
from rerankq.history.search import History
from rerankq.history.unfinished import waiting_fields
from rerankq.ledger.failures import Failure
from rerankq.ledger.ownership import unknown_job
from rerankq.store.store import Store

_ENDS: Final[Mapping[JobState, StepKind]] = {
    JobState.SUCCEEDED: "succeeded",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
    JobState.EXPIRED: "expired",
}


class Timelines:
    """Timelines of jobs. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: the ledger's Redis.
        history: the ended jobs.
    """

    def __init__(self, store: Store, history: History) -> None:
        self._store = store
        self._keys = store.keys
        self._history = history

    async def of(self, job_id: str, *, tenant: str | None) -> JobTimeline:
        """The timeline of a job, without what a waiting job waits for.

        Args:
            job_id: the job.
            tenant: who asks; None for the operator, who sees all jobs.

        Raises:
            JobNotFound: nobody knows it any more, or it is another tenant's.
        """
        record, has_result, dead = await self._store.readings(
            ("GET", self._keys.job(job_id)),
            ("EXISTS", self._keys.result(job_id)),
            ("ZSCORE", self._keys.dead, job_id),
        )
        fields = waiting_fields(job_id, record)
        job = summary_of(job_id, fields)
        is_forgotten = job is None
        if job is None or job.state.ended:
            # The record does not tell of the last call.
            ended = await self._history.find_fields(job_id)
            job = summary_of(job_id, ended) or job
            fields = ended or fields
        if job is None or (tenant is not None and job.tenant != tenant):
            raise unknown_job(job_id)
        return JobTimeline(
            job=job,
            steps=tuple(_steps(job, fields)),
            has_result=bool(has_result) and job.state.ended,
            has_dead_letter=dead is not None,
            is_forgotten=is_forgotten,
        )


def _steps(job: JobSummary, fields: Mapping[str, Any]) -> Iterator[JobStep]:
    yield JobStep(at=job.submitted_at, what="submitted")
    if (may_run := seconds(fields.get("not_before"))) is not None:
        yield JobStep(at=may_run, what="may_run")
    tries = list(_tries(fields))
    yield from tries
    if job.started_at is not None and _was_claimed_since(job, tries):
        claims, worker = fields.get("claims", 1), fields.get("worker", "")
        by = f"by {worker}" if worker else ""
        said = f"{by}; claimed {claims} times in all" if claims > 1 else by
        yield JobStep(at=job.started_at, what="claimed", message=said)
    if job.state.ended:
        call = job.call
        yield JobStep(
            at=job.finished_at,
            what=_ENDS[job.state],
            reason=job.reason,
            status=call.status if call else None,
            request_id=call.request_id if call else None,
        )
        return
    if job.next_attempt_at is not None:
        failure = fields.get("failure")
        said = failure.message if isinstance(failure, Failure) else ""
        yield JobStep(at=job.next_attempt_at, what="next_attempt", reason=job.reason, message=said)
    if job.deadline_at is not None:
        yield JobStep(at=job.deadline_at, what="deadline")


def _was_claimed_since(job: JobSummary, tries: list[JobStep]) -> bool:
    """Whether its last claim is not that of the last attempt that is listed."""
    last = tries[-1].at if tries else None
    return last is None or (job.started_at or 0) > last


def _tries(fields: Mapping[str, Any]) -> Iterator[JobStep]:
    """The last attempts that brought no ranking; one that only waited used no attempt."""
    noted = fields.get("tries")
    used = 0
    for each in noted if isinstance(noted, list) else []:
        match each:
            case [int(at), int(attempts), str(reason), int(status), *rest]:
                request_id = rest[0] if rest and isinstance(rest[0], str) else None
                yield JobStep(
                    at=at / 1000,
                    what="attempt_failed" if attempts > used else "waited",
                    reason=reason,
                    status=status or None,
                    request_id=request_id,
                )
                used = attempts
