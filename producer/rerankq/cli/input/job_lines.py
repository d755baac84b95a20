"""Makes a job of a line of input, or says why it is not one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rerankq.cli.input.lines import Line
from rerankq.client import RejectedLine
from rerankq.client.drafts import job_from
from rerankq.client.line_forms import custom_id_of, fields_of, parsed
from rerankq.contract import MAX_JOB_BYTES, Job, JobError, Lane, LongDocuments
from rerankq.errors import InvalidRequest

# A job's JSON is longer than its line: it has an id, a version, field names, the default model.
_LARGE_BYTES: Final = MAX_JOB_BYTES - 64 * 1024


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values for lines that do not have them."""

    model: str
    lane: Lane | None = None
    top_n: int | None = None
    min_score: float | None = None
    raw_scores: bool | None = None
    long_documents: LongDocuments | None = None


def entry_from(line: Line, *, batch_id: str, defaults: Defaults) -> Job | RejectedLine:
    """The batch's entry for a line."""
    given: Mapping[str, Any] = {}
    try:
        given = parsed(line.text)
        draft = {
            "lane": defaults.lane,
            "top_n": defaults.top_n,
            "min_score": defaults.min_score,
            "raw_scores": defaults.raw_scores,
            "long_documents": defaults.long_documents,
            "batch_id": batch_id,
        }
        job = job_from(draft | fields_of(given), default_model=defaults.model)
        if len(line.text or b"") > _LARGE_BYTES:
            job.encode()  # raises what the ledger would refuse: here the line is named
    except InvalidRequest as fault:
        error = JobError(code=fault.code, message=f"line {line.number}: {fault}")
        return RejectedLine(line=line.number, custom_id=custom_id_of(given), error=error)
    return job
