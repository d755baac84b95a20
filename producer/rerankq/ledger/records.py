"""Reading a job's record and result, and cancelling it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from rerankq.contract import JobError, JobState, JobStatus, Lane, RerankResult
from rerankq.errors import InvalidRequest, JobEnded, JobNotFound, ResultExpired
from rerankq.ledger import outcomes
from rerankq.ledger.failures import Failure, failure_from
from rerankq.ledger.scripts import CANCEL
from rerankq.store.store import Retention, Store

End = RerankResult | JobEnded | JobNotFound | ResultExpired | InvalidRequest
"""A ranking, or the error that says why there is none."""


FEW: Final = 8
"""For up to this many jobs the results are read with the records, whatever their size."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The few fields of a job's record that a list of many jobs needs."""

    state: JobState
    attempts: int
    custom_id: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended.

    Attributes:
        end: None when it has yet to be read.
        size: bytes of its result.
    """

    job_id: str
    end: End | None
    size: int = 0


class Records:
    """Reads jobs, and cancels them."""

    def __init__(self, store: Store, retention: Retention) -> None:
        self._store = store
        self._keys = store.keys
        self._retention = retention

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
            raise _unknown(job_id)
        return _status(job_id, fields, stored)

    async def outlines(self, job_ids: Sequence[str]) -> list[Outline | None]:
        """The outline of each job, in one round trip; None when there is no record.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        if not job_ids:
            return []
        stored = await self._store.command("MGET", *map(self._keys.job, job_ids))
        return [_outline(record_from(each)) for each in stored]

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
        states = [_state(each) for each in stored[: len(job_ids)]]
        return [
            (job_id, _gone(job_id, state), 0)
            if result is None
            else (job_id, outcomes.end_from(result), len(result))
            for job_id, state, result in zip(job_ids, states, stored[len(job_ids) :], strict=True)
            if state is None or state.ended
        ]

    async def ended(self, job_ids: Sequence[str]) -> list[Ended]:
        """Those of the jobs that have an end, or never will have one, in the order given.

        For a few jobs their ends are read too. For many, whose results together may be too large to
        hold at once, only the size of each is read; `results` then reads the ends.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        if len(job_ids) <= FEW:
            return [Ended(job_id, end) for job_id, end in await self.ends(job_ids)]
        stored = await self._store.command("MGET", *map(self._keys.job, job_ids))
        states = dict(zip(job_ids, map(_state, stored), strict=True))
        over = {each: state for each, state in states.items() if state is None or state.ended}
        if not over:
            return []
        sizes = await self._store.readings(*(("STRLEN", self._keys.result(each)) for each in over))
        return [
            Ended(job_id, None if size else _gone(job_id, state), size or 0)
            for (job_id, state), size in zip(over.items(), sizes, strict=True)
        ]

    async def results(self, job_ids: Sequence[str]) -> list[tuple[str, End]]:
        """The ends of jobs that are known to have ended, in the order given.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        stored = await self._store.command("MGET", *map(self._keys.result, job_ids))
        return [
            (job_id, _past_retention(job_id) if each is None else outcomes.end_from(each))
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
        (before,) = await self._store.run(
            CANCEL(keep_result_ms=keep.result_ms, keep_dead_ms=keep.dead_ms, ids=(job_id,))
        )
        if not before:
            raise _unknown(job_id)
        return JobState(before)


def record_from(stored: bytes | None) -> dict[str, Any]:
    """The fields of a record; none when it is missing or damaged.

    A damaged field is left out, as in the scripts: one damaged job must not disturb the reading of
    the others.
    """
    readings = {name: _READERS.get(name, _any)(value) for name, value in _object(stored).items()}
    return {name: value for name, value in readings.items() if value is not None}


def _object(stored: bytes | None) -> dict[str, Any]:
    try:
        fields = orjson.loads(stored or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _any(value: Any) -> Any:
    # Passed on as it is: this version does not use the field.
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if abs(number) < _MOST_NUMBER else None


def _known_state(value: Any) -> JobState | None:
    return _STATES.get(value) if isinstance(value, str) else None


def _known_lane(value: Any) -> Lane | None:
    return _LANES.get(value) if isinstance(value, str) else None


_MOST_NUMBER: Final = 2**53
_STATES: Final[dict[str, JobState]] = {each.value: each for each in JobState}
_LANES: Final[dict[str, Lane]] = {each.value: each for each in Lane}
_TIMES: Final = ("submitted", "started", "finished", "due", "not_before", "deadline")
_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "state": _known_state,
    "lane": _known_lane,
    **dict.fromkeys((*_TIMES, "attempts", "claims", "lost"), _number),
    "failure": failure_from,
    **dict.fromkeys(("worker", "custom", "batch", "idempotency", "reason"), _text),
}


def _state(stored: bytes | None) -> JobState | None:
    return _known_state(_object(stored).get("state"))


def _unknown(job_id: str) -> JobNotFound:
    return JobNotFound(f"no job has the id {job_id}: check the id; it may be past its retention")


def _gone(job_id: str, state: JobState | None) -> JobNotFound | ResultExpired:
    if state is None:
        return _unknown(job_id)
    return ResultExpired(f"the job {job_id} {state}, but its result is past its retention")


def _past_retention(job_id: str) -> ResultExpired:
    return ResultExpired(f"the job {job_id} has ended, but its result is past its retention")


def _outline(fields: dict[str, Any]) -> Outline | None:
    if "state" not in fields:
        return None
    return Outline(fields["state"], fields.get("attempts", 0), fields.get("custom"))


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
    return JobError(code=failure.code, message=failure.message, status=failure.status)


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
