"""Lines of output: one a line of input, whatever became of it."""

from typing import Any

import orjson

from rerankq.contract import JobError, JobState, RerankResult, Usage
from rerankq.errors import JobEnded
from rerankq.ledger.batches import ExistingJob, RejectedLine
from rerankq.ledger.records import End, Outline, error_of

_NO_USAGE = Usage().model_dump()


def job_row(job_id: str, custom_id: str | None, outline: Outline | None, end: End) -> bytes:
    """The line of a job that has ended.

    Args:
        job_id: the job.
        custom_id: the caller's name for it.
        outline: its record; None when that is past its retention.
        end: its ranking, or why it has none.
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
    row["error"] = _error(
        error_of(end) if isinstance(end, JobEnded) else JobError(code=end.code, message=str(end))
    )
    return _encoded(row)


def rejected_row(line: RejectedLine) -> bytes:
    """The line of an input line that never became a job."""
    row = _row(line.custom_id, None, JobState.FAILED, 0)
    row["error"] = _error(line.error)
    return _encoded(row)


def job_id_of(entry: str | ExistingJob) -> str:
    """The job that an entry stands for."""
    return entry if isinstance(entry, str) else entry.job_id


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
