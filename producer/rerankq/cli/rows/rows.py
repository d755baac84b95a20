"""Lines of output: one for each line of input."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from rerankq.client import BatchResult, End
from rerankq.contract import JobError, JobState, RerankResult, Usage
from rerankq.errors import JobEnded

_NO_USAGE = Usage().model_dump(exclude_none=True)


class Kind(StrEnum):
    """The kinds of rows, for the counts."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of output, with the position of its entry in the batch, from 0."""

    position: int
    kind: Kind
    line: bytes


def row_of(result: BatchResult, line: int | None) -> Row:
    """The row of an entry of a batch.

    Args:
        result: the entry's result.
        line: number of its line of input; None when that is not known.
    """
    if isinstance(result.end, JobError):
        return Row(result.position, Kind.REJECTED, rejected_row(result.custom_id, result.end))
    kind = Kind.SUCCEEDED if isinstance(result.end, RerankResult) else Kind.FAILED
    line = result.line or line
    where = f"line {line}" if line else f"row {result.position + 1}"
    told = (result.job_id or "", result.custom_id, result.state, result.attempts, result.end)
    return Row(result.position, kind, job_row(*told, where=where))


def job_row(
    job_id: str,
    custom_id: str | None,
    state: JobState | None,
    attempts: int,
    end: End,
    *,
    where: str = "",
) -> bytes:
    """The line of a job that has ended.

    Args:
        job_id: the job.
        custom_id: the caller's name for it.
        state: how it ended; None when its record is past its retention.
        attempts: calls that were answered or lost.
        end: its ranking, or why it has none.
        where: its place, for the message when its ranking cannot be read any more.
    """
    if isinstance(end, RerankResult):
        row = _row(custom_id, job_id, JobState.SUCCEEDED, end.attempts)
        row["results"] = [each.model_dump(exclude_none=True) for each in end.results]
        row["usage"] = end.usage.model_dump(exclude_none=True)
        if end.long_documents:
            row["long_documents"] = [each.model_dump() for each in end.long_documents]
        if end.raw_scale:
            row["raw_scale"] = end.raw_scale
        return _encoded(row)
    # A ranking that cannot be read any more counts as a failure.
    if state is None or state is JobState.SUCCEEDED:
        state = JobState.FAILED
    row = _row(custom_id, job_id, state, attempts)
    if isinstance(end, JobEnded):
        row["error"] = _error(JobError.of(end))
    else:
        row["error"] = _error(
            JobError(code=end.code, message=f"{where}: {end}" if where else str(end))
        )
    return _encoded(row)


def rejected_row(custom_id: str | None, error: JobError) -> bytes:
    """The line of output for a line of input that is no job."""
    row = _row(custom_id, None, JobState.FAILED, 0)
    row["error"] = _error(error)
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
