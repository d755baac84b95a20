"""Makes jobs of the lines of an input, or says why a line is not one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rerankq.cli.input.lines import Line, Readable, read_lines
from rerankq.client import RejectedLine
from rerankq.client.batches import BatchLine
from rerankq.client.drafts import job_from
from rerankq.client.line_forms import custom_id_of, fields_of, parsed
from rerankq.contract import MAX_JOB_BYTES, Job, JobError, Lane, LongDocuments
from rerankq.errors import InvalidRequest

# A job's JSON is longer than its line: it has an id, a version, field names, the default model.
_LARGE_BYTES: Final = MAX_JOB_BYTES - 64 * 1024


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values for jobs that do not have them."""

    model: str
    lane: Lane | None = None
    top_n: int | None = None
    min_score: float | None = None
    raw_scores: bool | None = None
    long_documents: LongDocuments | None = None
    instruction: str | None = None
    reuse: bool | None = None

    def draft(self, batch_id: str) -> dict[str, Any]:
        """The fields that they give to each job of a batch."""
        return {
            "lane": self.lane,
            "top_n": self.top_n,
            "min_score": self.min_score,
            "raw_scores": self.raw_scores,
            "long_documents": self.long_documents,
            "instruction": self.instruction,
            "reuse": self.reuse,
            "batch_id": batch_id,
        }


def entries_of(
    source: Readable, *, batch_id: str, defaults: Defaults, skip: int = 0
) -> Iterator[tuple[int, BatchLine]]:
    """The entries of a text's lines, with their sizes in bytes; blank lines are none.

    Raises:
        CommandError: the reading fails, or the content is not text.
    """
    left = skip
    for line in read_lines(source, limit=MAX_JOB_BYTES):
        if line.text is None or line.text.strip():
            if left:
                left -= 1
                continue
            entry = entry_from(line, batch_id=batch_id, defaults=defaults)
            yield len(line.text or b""), BatchLine(line.number, entry)


def entry_from(line: Line, *, batch_id: str, defaults: Defaults) -> Job | RejectedLine:
    """The batch's entry for a line."""
    given: Mapping[str, Any] = {}
    try:
        given = parsed(line.text)
        return job_of(fields_of(given), len(line.text or b""), batch_id, defaults)
    except InvalidRequest as fault:
        error = JobError(code=fault.code, message=f"line {line.number}: {fault}")
        return RejectedLine(line=line.number, custom_id=custom_id_of(given), error=error)


def job_of(fields: Mapping[str, Any], size: int, batch_id: str, defaults: Defaults) -> Job:
    """The job with these fields.

    Args:
        fields: those of a job, as the arguments of `submit`.
        size: about how many bytes they have, at most.
        batch_id: its batch.
        defaults: values for fields that are absent.

    Raises:
        InvalidRequest: names the offending field.
    """
    job = job_from({**defaults.draft(batch_id), **fields}, default_model=defaults.model)
    if size > _LARGE_BYTES:
        job.encode()  # raises what the ledger would refuse: here the line is named
    return job
