"""Lines of output: one a line of input, whatever became of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from rerankq.contract import JobError, JobState, RerankResult, Usage
from rerankq.errors import JobEnded
from rerankq.ledger.batches import ExistingJob, OwnJob, RejectedLine
from rerankq.ledger.records import End, Outline, error_of

_NO_USAGE = Usage().model_dump()


class Kind(StrEnum):
    """What a row counts as."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of output, and the place of its entry in the batch, from 0."""

    position: int
    kind: Kind
    line: bytes


def row_of_job(
    position: int, entry: OwnJob | ExistingJob, outline: Outline | None, end: End, line: int | None
) -> Row:
    """The row of an entry that stands for a job.

    Args:
        position: its place in the batch, from 0.
        entry: what stands there. Its name counts: an earlier job has one of its own.
        outline: the job's record; None when that is gone.
        end: the job's ranking, or why it has none.
        line: number of the line of input that it stands for, where that is known.
    """
    kind = Kind.SUCCEEDED if isinstance(end, RerankResult) else Kind.FAILED
    custom_id = entry.custom_id
    if custom_id is None and isinstance(entry, OwnJob) and outline:
        custom_id = outline.custom_id
    where = f"line {line}" if line else f"row {position + 1}"
    return Row(position, kind, job_row(entry.job_id, custom_id, outline, end, where=where))


def job_row(
    job_id: str, custom_id: str | None, outline: Outline | None, end: End, *, where: str = ""
) -> bytes:
    """The line of a job that has ended.

    Args:
        job_id: the job.
        custom_id: the caller's name for it.
        outline: its record; None when that is past its retention.
        end: its ranking, or why it has none.
        where: what to call its place, in the message of a ranking that cannot be had any more.
    """
    attempts = outline.attempts if outline else 0
    if isinstance(end, RerankResult):
        row = _row(custom_id, job_id, JobState.SUCCEEDED, end.attempts)
        row["results"] = [each.model_dump(exclude_none=True) for each in end.results]
        row["usage"] = end.usage.model_dump()
        return _encoded(row)
    # A ranking that nobody can be given any more is a failure to whoever asks for it now.
    ended = outline and outline.state is not JobState.SUCCEEDED
    row = _row(custom_id, job_id, outline.state if outline and ended else JobState.FAILED, attempts)
    if isinstance(end, JobEnded):
        row["error"] = _error(error_of(end))
    else:
        row["error"] = _error(
            JobError(code=end.code, message=f"{where}: {end}" if where else str(end))
        )
    return _encoded(row)


def rejected_row(line: RejectedLine) -> bytes:
    """The line of an input line that never became a job."""
    row = _row(line.custom_id, None, JobState.FAILED, 0)
    row["error"] = _error(line.error)
    return _encoded(row)


def _row(
    custom_id: str | None, job_id: str | None, state: JobState, attempts: int
) -> dict[str, Any]:
    return {
        "custom_id": custom_id,
        "job_id": job_id,
        "status": state.value,
        "results": [],
        "usage": _NO_USAGE,
        "attempts": attempts,
    }


def _error(error: JobError) -> dict[str, Any]:
    return error.model_dump(exclude_none=True)


def _encoded(row: dict[str, Any]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
