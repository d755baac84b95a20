"""The entries of a batch, in order: jobs, and lines of input that are no jobs."""

from typing import NamedTuple

from rerankq.contract import JobError, Message


class OwnJob(NamedTuple):
    """A job that was submitted with the batch."""

    job_id: str
    custom_id: str | None = None


class RejectedLine(Message):
    """A line of input that is no valid job, kept in its place so that no line is lost."""

    line: int
    custom_id: str | None = None
    error: JobError


class ExistingJob(Message):
    """A line whose idempotency key belongs to an earlier job: that job's end is the line's."""

    # This field is the first, also in JSON: so the entry is told from a rejected line.
    job_id: str
    line: int
    custom_id: str | None = None


Entry = OwnJob | RejectedLine | ExistingJob
"""An entry of a batch: a job of its own, an earlier job, or a line that is no job."""


def entry_from(stored: bytes) -> Entry:
    """The entry as it was added."""
    # A job id never begins with a brace, so the kinds of entry cannot be confused.
    if not stored.startswith(b"{"):
        job_id, _, custom_id = stored.decode(errors="replace").partition(" ")
        return OwnJob(job_id, custom_id or None)
    kind = ExistingJob if stored.startswith(b'{"job_id"') else RejectedLine
    return kind.parse(stored)
