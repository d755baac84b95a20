"""Reading a job's record and result, and cancelling it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rerankq.contract import JobError, JobState, JobStatus, Lane, RerankResult
from rerankq.errors import InvalidRequest, JobEnded, JobNotFound, ResultExpired
from rerankq.ledger import outcomes
from rerankq.ledger.store import Retention, Store

_FIELDS: Final = (
    "state", "lane", "attempts", "submitted", "started", "finished", "due", "deadline",
    "custom", "batch",
)  # fmt: skip
_NO_RECORD: Final = (None,) * len(_FIELDS)

End = RerankResult | JobEnded | JobNotFound | ResultExpired | InvalidRequest
"""A ranking, or the error that says why there is none to be had."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The little of a job's record that a list of many jobs needs."""

    state: JobState
    attempts: int
    custom_id: str | None


class Records:
    """What anyone may ask about a job."""

    def __init__(self, store: Store, retention: Retention) -> None:
        self._store = store
        self._retention = retention

    async def status(self, job_id: str) -> JobStatus:
        """Where the job stands.

        Raises:
            JobNotFound: no such job.
            LedgerUnavailable: Redis did not answer.
        """
        # The record first: a result is there when the record says that the job has ended.
        record, stored = await self._store.readings(
            ("HMGET", _key(job_id), *_FIELDS),
            ("GET", outcomes.result_key(job_id)),
        )
        fields = {
            name: value.decode()
            for name, value in zip(_FIELDS, record or _NO_RECORD, strict=True)
            if value is not None
        }
        if not fields.keys() >= {"state", "lane"}:
            raise _unknown(job_id)
        return _status(job_id, fields, stored)

    async def outlines(self, job_ids: Sequence[str]) -> list[Outline | None]:
        """The outline of each job, in one round trip; None where there is no record.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        rows = await self._store.readings(
            *(("HMGET", _key(each), "state", "attempts", "custom") for each in job_ids)
        )
        return [_outline(*row) if row else None for row in rows]

    async def ends(self, job_ids: Sequence[str]) -> list[tuple[str, End]]:
        """Those of the jobs that have an end, or never will have one, in the order given.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        if not job_ids:
            return []
        answers = await self._store.readings(*(("HGET", _key(each), "state") for each in job_ids))
        states = {
            job_id: None if state is None else JobState(state.decode())
            for job_id, state in zip(job_ids, answers, strict=True)
        }
        # States first, results second: the other way round, an end between the two would
        # look like a result past its retention.
        over = [job_id for job_id, state in states.items() if state is None or state.ended]
        if not over:
            return []
        stored = await self._store.command("MGET", *map(outcomes.result_key, over))
        return [
            (job_id, outcomes.end_from(each) if each is not None else _gone(job_id, states[job_id]))
            for job_id, each in zip(over, stored, strict=True)
        ]

    async def cancel(self, job_id: str) -> JobState:
        """Cancel the job wherever it is; returns the state it was in.

        An ended job stays as it is, and that end is returned.

        Raises:
            JobNotFound: no such job.
            LedgerUnavailable: Redis did not answer.
        """
        before = (await self._store.run("cancel", *self._retention.arguments(), job_id))[0].decode()
        if not before:
            raise _unknown(job_id)
        return JobState(before)


def _key(job_id: str) -> str:
    return f"rerankq:job:{job_id}"


def _unknown(job_id: str) -> JobNotFound:
    return JobNotFound(f"no job has the id {job_id}: check it, or its record is past its retention")


def _gone(job_id: str, state: JobState | None) -> JobNotFound | ResultExpired:
    if state is None:
        return _unknown(job_id)
    return ResultExpired(f"the job {job_id} {state}, but its result is past its retention")


def _outline(state: bytes | None, attempts: bytes | None, custom: bytes | None) -> Outline | None:
    if state is None:
        return None
    custom_id = custom.decode() if custom else None
    return Outline(JobState(state.decode()), int(attempts or 0), custom_id)


def _status(job_id: str, fields: dict[str, str], stored: bytes | None) -> JobStatus:
    state = JobState(fields["state"])
    end = outcomes.end_from(stored) if stored is not None and state.ended else None
    return JobStatus(
        id=job_id,
        state=state,
        lane=Lane(fields["lane"]),
        attempts=int(fields.get("attempts", 0)),
        submitted_at=int(fields["submitted"]) / 1000,
        started_at=_seconds(fields.get("started")),
        finished_at=_seconds(fields.get("finished")),
        next_attempt_at=_seconds(fields.get("due")) if state is JobState.SCHEDULED else None,
        deadline_at=_seconds(fields.get("deadline")),
        custom_id=fields.get("custom"),
        batch_id=fields.get("batch"),
        error=JobError(code=end.reason, message=end.message) if isinstance(end, JobEnded) else None,
    )


def _seconds(milliseconds: str | None) -> float | None:
    return None if milliseconds is None else int(milliseconds) / 1000
