"""A batch as OpenAI's clients know it."""

from typing import Any, Final

from rerankq.contract import BatchState, BatchStatus
from rerankq_gateway.batches.faults import more
from rerankq_gateway.batches.note import Note

OUTPUT: Final = "file-out-"
ERRORS: Final = "file-err-"
"""Ids of the files with results begin so; behind it stands the batch's id."""
ENDPOINT: Final = "/v1/rerank"
ENDPOINTS: Final = ("/v1/rerank", "/v2/rerank", "/rerank")

_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})


def status_of(batch: BatchStatus, note: Note | None) -> str:
    """The status in OpenAI's words, of which there is none for a pause: it is `in_progress`."""
    if note and note.failed and batch.state is not BatchState.EXPIRED:
        return "failed"
    has_ended = is_over(batch)
    if batch.cancelled_at:
        return "cancelled" if has_ended else "cancelling"
    if has_ended:
        is_cut = note is not None and batch.total < note.lines
        is_unread = note is not None and not note.began
        return (
            "expired" if batch.state is BatchState.EXPIRED or is_cut or is_unread else "completed"
        )
    return "validating" if note and not note.began else "in_progress"


def is_over(batch: BatchStatus) -> bool:
    """Whether all its jobs have ended, and no more can come."""
    return batch.state.ended and (batch.sealed or is_late(batch))


def is_late(batch: BatchStatus) -> bool:
    """Whether all its jobs have ended and no more may come, as its window is over."""
    return batch.state.ended and batch.state is not BatchState.ABANDONED


def has_output(batch: BatchStatus) -> bool:
    """Whether some job has a ranking."""
    return batch.succeeded + batch.existing > 0


def unfed(batch: BatchStatus, note: Note | None) -> int:
    """Lines of its file that never became jobs, as it was cancelled or expired before."""
    return max(0, note.lines - batch.total) if note else 0


def missing(batch: BatchStatus, note: Note | None) -> int:
    """How many lines have no ranking."""
    ended = batch.failed + batch.cancelled + batch.expired + batch.rejected
    return ended + unfed(batch, note)


def batch_object(batch: BatchStatus) -> dict[str, Any]:
    """The fields of a `Batch`, and under `rerankq` all that is known of it."""
    note = Note.of(batch)
    status = status_of(batch, note)
    ended = int(batch.ended_at or batch.deadline_at or 0) or None
    has_files = status in _ENDED and status != "failed"
    failed = missing(batch, note) if has_files else batch.failed + batch.rejected
    # Of a file with bad lines nothing is submitted: its good ones are no requests of the batch.
    lines = (0 if note.failed else note.lines) if note else batch.expected or 0
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": note.endpoint if note else ENDPOINT,
        "model": None,
        "errors": _errors(note),
        "input_file_id": note.file if note else None,
        "completion_window": note.window if note else None,
        "status": status,
        "output_file_id": OUTPUT + batch.id if has_files and has_output(batch) else None,
        "error_file_id": ERRORS + batch.id if has_files and missing(batch, note) else None,
        "created_at": int(batch.created_at),
        "in_progress_at": _time(note.began if note else batch.created_at),
        "expires_at": _time(batch.deadline_at),
        "finalizing_at": ended if status == "completed" else None,
        "completed_at": ended if status == "completed" else None,
        "failed_at": _time(note.failed if note else None),
        "expired_at": ended if status == "expired" else None,
        "cancelling_at": _time(batch.cancelled_at),
        "cancelled_at": ended if status == "cancelled" else None,
        "request_counts": {
            "total": max(batch.total, lines),
            "completed": batch.succeeded,
            "failed": failed,
        },
        "usage": {
            "input_tokens": batch.tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": batch.tokens,
        },
        "metadata": batch.metadata or None,
        "rerankq": batch.model_dump(mode="json", exclude={"details", "tenant", "metadata"}),
    }


def _time(at: float | None) -> int | None:
    return int(at) if at else None


def _errors(note: Note | None) -> dict[str, Any] | None:
    if note is None or not note.failed:
        return None
    shown = list(note.errors)
    return {"object": "list", "data": shown + more(len(shown), note.faults)}
