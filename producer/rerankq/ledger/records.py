"""Reading a job's record and result, and cancelling it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rerankq.contract import JobError, JobState, JobStatus
from rerankq.errors import JobEnded
from rerankq.events import Events
from rerankq.ledger import outcomes
from rerankq.ledger.batch_ends import tell_of_ended
from rerankq.ledger.ends import (
    End,
    Ended,
    RawEnd,
    gone,
    past_retention,
    raw,
    raw_end,
    raw_gone,
    unknown,
)
from rerankq.ledger.failures import Failure
from rerankq.ledger.read_size import ReadSize
from rerankq.ledger.record_fields import record_from, state_from
from rerankq.ledger.scripts import CANCEL
from rerankq.store.store import Retention, Store


@dataclass(frozen=True, slots=True)
class Outline:
    """The few fields of a job's record that a list of many jobs needs."""

    state: JobState
    attempts: int
    custom_id: str | None
    reason: str | None = None


class Records:
    """Reads jobs, and cancels them."""

    def __init__(self, store: Store, retention: Retention, events: Events | None = None) -> None:
        self._events = events or Events()
        self._store = store
        self._keys = store.keys
        self._retention = retention
        self._read_size = ReadSize()

    async def status(self, job_id: str) -> JobStatus:
        """The status of the job.

        Raises:
            JobNotFound: no such job.
            LedgerUnavailable: Redis did not answer.
        """
        # Both in one command: when the record says that the job has ended, the result is there.
        record, stored = await self._store.command(
            "MGET", self._keys.job(job_id), self._keys.result(job_id)
        )
        fields = record_from(record)
        if not fields.keys() >= {"state", "lane", "submitted"}:
            raise unknown(job_id)
        return _status(job_id, fields, stored)

    async def outlines(self, job_ids: Sequence[str]) -> list[Outline | None]:
        """The outline of each job, in one round trip; None when there is no record.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        return [_outline(fields) for fields in await self.fields(job_ids)]

    async def fields(self, job_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The fields of each job's record, in one round trip; none when there is no record.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        if not job_ids:
            return []
        stored = await self._store.command("MGET", *map(self._keys.job, job_ids))
        return [record_from(each) for each in stored]

    async def ends(self, job_ids: Sequence[str]) -> list[tuple[str, End]]:
        """Those of the jobs that have an end, or never will have one, in the order given.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        return [(job_id, end) for job_id, end, _ in await self.sized_ends(job_ids)]

    async def sized_ends(self, job_ids: Sequence[str]) -> list[tuple[str, End, int]]:
        """As `ends`, each with the bytes of its result in the ledger."""
        if not job_ids:
            return []
        # Both in one command: a job that ended between two would look like a result past retention.
        stored = await self._store.command(
            "MGET", *map(self._keys.job, job_ids), *map(self._keys.result, job_ids)
        )
        states = [state_from(each) for each in stored[: len(job_ids)]]
        return [
            (job_id, gone(job_id, state), 0)
            if result is None
            else (job_id, outcomes.end_from(result), len(result))
            for job_id, state, result in zip(job_ids, states, stored[len(job_ids) :], strict=True)
            if state is None or state.ended
        ]

    async def raw_ends(self, job_ids: Sequence[str]) -> list[RawEnd]:
        """The end of each job as it is stored, in the order given; rankings are not decoded.

        Records are read only for jobs without a result, most often none: to read many rankings
        costs a tenth of what `ends` does.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        if not job_ids:
            return []
        stored = await self._store.command("MGET", *map(self._keys.result, job_ids))
        found = [raw(job_id, each) for job_id, each in zip(job_ids, stored, strict=True)]
        without = [at for at, each in enumerate(stored) if each is None]
        # Records and results in one command: some jobs may have ended since the first.
        ends = await self.sized_ends([job_ids[at] for at in without])
        later = {job_id: (end, size) for job_id, end, size in ends}
        for at in without:
            found[at] = raw_end(job_ids[at], *later.get(job_ids[at], (None, 0)))
        return found

    async def ended(self, job_ids: Sequence[str]) -> list[Ended]:
        """Those of the jobs that have an end, or never will have one, in the order given.

        For a few jobs their ends are read too. For many, whose results together may be too large to
        hold at once, only the size of each is read; `results` then reads the ends.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        if len(job_ids) <= self._read_size.jobs:
            # Both in one command, as in `sized_ends`.
            stored = await self._store.command(
                "MGET", *map(self._keys.job, job_ids), *map(self._keys.result, job_ids)
            )
            states, ends = map(state_from, stored[: len(job_ids)]), stored[len(job_ids) :]
            self._read_size.learn(max((len(each) for each in ends if each), default=0))
            read = zip(job_ids, states, ends, strict=True)
            return [
                Ended(job_id, raw_gone(job_id, state) if end is None else raw(job_id, end))
                for job_id, state, end in read
                if state is None or state.ended
            ]
        stored = await self._store.command("MGET", *map(self._keys.job, job_ids))
        by_id = dict(zip(job_ids, map(state_from, stored), strict=True))
        over = {each: state for each, state in by_id.items() if state is None or state.ended}
        if not over:
            return []
        sizes = await self._store.readings(*(("STRLEN", self._keys.result(each)) for each in over))
        self._read_size.learn(max((size for size in sizes if size), default=0))
        return [
            Ended(job_id, None if size else raw_gone(job_id, state), size or 0)
            for (job_id, state), size in zip(over.items(), sizes, strict=True)
        ]

    async def results(self, job_ids: Sequence[str]) -> list[RawEnd]:
        """The ends of jobs that are known to have ended, in the order given.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        stored = await self._store.command("MGET", *map(self._keys.result, job_ids))
        return [
            RawEnd(job_id, None, past_retention(job_id)) if each is None else raw(job_id, each)
            for job_id, each in zip(job_ids, stored, strict=True)
        ]

    async def cancel(self, job_id: str) -> JobState:
        """Cancel the job wherever it is; returns the state it was in.

        A job that has ended stays as it is, and the state it ended in is returned. A second try
        after a lost answer returns `cancelled`.

        Raises:
            JobNotFound: no such job.
            LedgerUnavailable: Redis did not answer.
        """
        keep = self._retention
        (before,), ended = await self._store.run(
            CANCEL(keep_result_ms=keep.result_ms, keep_dead_ms=keep.dead_ms, ids=(job_id,))
        )
        if not before:
            raise unknown(job_id)
        tell_of_ended(self._events, ended)
        return JobState(before.decode())


def _outline(fields: dict[str, Any]) -> Outline | None:
    if "state" not in fields:
        return None
    return Outline(
        fields["state"], fields.get("attempts", 0), fields.get("custom"), fields.get("reason")
    )


def _status(job_id: str, fields: dict[str, Any], stored: bytes | None) -> JobStatus:
    state = fields["state"]
    end = outcomes.end_from(stored) if stored is not None and state.ended else None
    return JobStatus(
        id=job_id,
        state=state,
        lane=fields["lane"],
        attempts=fields.get("attempts", 0),
        submitted_at=fields["submitted"] / 1000,
        started_at=_seconds(fields.get("started")),
        finished_at=_seconds(fields.get("finished")),
        next_attempt_at=_seconds(fields.get("due")) if state is JobState.SCHEDULED else None,
        deadline_at=_seconds(fields.get("deadline")),
        custom_id=fields.get("custom"),
        batch_id=fields.get("batch"),
        error=JobError.of(end) if isinstance(end, JobEnded) else None,
        last_error=None if state.ended else _error_before(fields.get("failure")),
    )


def _error_before(failure: Failure | None) -> JobError | None:
    if failure is None:
        return None
    return JobError(
        code=failure.code,
        message=failure.message,
        status=failure.status,
        request_id=failure.request_id,
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
