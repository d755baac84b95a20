"""Submit: a job is accepted when, and only when, it stands in the ledger."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rerankq.contract import Job
from rerankq.ledger.store import Argument, Store


class Verdict(StrEnum):
    """What became of a job that was handed in."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    EXISTING = "existing"
    CONFLICT = "conflict"
    FULL = "full"
    NO_BATCH = "no_batch"


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict on one job. `job_id` is the earlier job's where one exists already."""

    verdict: Verdict
    job_id: str


class Intake:
    """Writes jobs into the ledger."""

    def __init__(self, store: Store, *, max_queue_depth: int) -> None:
        self._store = store
        self._max_queue_depth = max_queue_depth

    async def submit(self, jobs: Sequence[Job]) -> list[Admission]:
        """Record jobs in one step and one round trip; say for each what became of it.

        Safe to repeat with the same jobs when an answer was lost.

        Raises:
            InvalidRequest: a job is too large, or not valid Unicode. None is recorded.
            LedgerUnavailable: Redis did not answer: the jobs may or may not be recorded.
        """
        arguments: list[Argument] = [self._max_queue_depth]
        for job in jobs:
            arguments += _fields(job)
        answers: list[bytes] = await self._store.run("submit", *arguments)
        return [_admission(job, answer.decode()) for job, answer in zip(jobs, answers, strict=True)]


def _fields(job: Job) -> tuple[Argument, ...]:
    return (
        job.id,
        job.lane.value,
        job.encode(),
        "" if job.deadline_seconds is None else int(job.deadline_seconds * 1000),
        "" if job.not_before is None else int(job.not_before * 1000),
        job.batch_id or "",
        job.custom_id or "",
        job.idempotency_key or "",
        _fingerprint(job) if job.idempotency_key else "",
    )


def _fingerprint(job: Job) -> str:
    return hashlib.sha256(job.request.encode()).hexdigest()


def _admission(job: Job, answer: str) -> Admission:
    verdict, _, earlier = answer.partition(":")
    return Admission(Verdict(verdict), earlier or job.id)
