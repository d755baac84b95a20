"""The end of a job as the ledger keeps it: a ranking, or why there is none."""

from dataclasses import dataclass
from typing import NamedTuple

from rerankq.contract import JobState, RerankResult
from rerankq.errors import InvalidRequest, JobEnded, JobNotFound, ResultExpired
from rerankq.ledger import outcomes

End = RerankResult | JobEnded | JobNotFound | ResultExpired | InvalidRequest
"""A ranking, or the error that says why there is none."""


class RawEnd(NamedTuple):
    """The end of a job as it is stored, for callers that pass it on and do not look into it.

    Attributes:
        job_id: the job.
        result: its ranking, a `RerankResult` as JSON; None when it has none, or has not ended.
        error: why it has none; None when it has one, or has not ended.
        size: bytes of its result in the ledger.
    """

    job_id: str
    result: bytes | None
    error: JobEnded | JobNotFound | ResultExpired | InvalidRequest | None
    size: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether it has an end, or never will have one."""
        return self.result is not None or self.error is not None

    def decoded(self) -> End:
        """The end of a job that has one; for a ranking that cannot be read, the error."""
        if self.result is None:
            return self.error or unknown(self.job_id)
        try:
            return RerankResult.parse(self.result)
        except InvalidRequest as unreadable:
            return unreadable


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended.

    Attributes:
        end: None when it has yet to be read.
        size: bytes of its result.
    """

    job_id: str
    end: RawEnd | None
    size: int = 0


def unknown(job_id: str) -> JobNotFound:
    """The error for a job without a record."""
    return JobNotFound(f"no job has the id {job_id}: check the id; it may be past its retention")


def gone(job_id: str, state: JobState | None) -> JobNotFound | ResultExpired:
    """Why a job in that state, None for no record, has no result."""
    if state is None:
        return unknown(job_id)
    return ResultExpired(f"the job {job_id} {state}, but its result is past its retention")


def raw(job_id: str, stored: bytes | None) -> RawEnd:
    """The end in a stored result; none for a job without one."""
    if stored is None:
        return RawEnd(job_id, None, None)
    ranking = outcomes.ranking_in(job_id, stored)
    if ranking is not None:
        return RawEnd(job_id, ranking, None, len(stored))
    return raw_end(job_id, outcomes.end_from(stored), len(stored))


def raw_end(job_id: str, end: End | None, size: int = 0) -> RawEnd:
    """An end that was decoded, as it is stored."""
    if isinstance(end, RerankResult):
        return RawEnd(job_id, end.encode(), None, size)
    return RawEnd(job_id, None, end, size)


def raw_gone(job_id: str, state: JobState | None) -> RawEnd:
    """The end of a job whose result is gone; see `gone`."""
    return RawEnd(job_id, None, gone(job_id, state))


def past_retention(job_id: str) -> ResultExpired:
    """The error for a job that is known to have ended, whose result is gone."""
    return ResultExpired(f"the job {job_id} has ended, but its result is past its retention")
