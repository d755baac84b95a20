"""The results of a batch as they are stored: for programs that pass them on, such as a gateway."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final, NamedTuple

from rerankq.client.batches.entry_reader import Placed, PortionSize
from rerankq.client.patience import patiently
from rerankq.contract import JobError, JobState
from rerankq.errors import JobCancelled, JobEnded, JobExpired, JobFailed
from rerankq.ledger.batches import ExistingJob, OwnJob, RejectedLine
from rerankq.ledger.ends import RawEnd
from rerankq.ledger.records import Records

MOST_PORTION: Final = 250
_STATES: Final[dict[type[JobEnded], JobState]] = {
    JobFailed: JobState.FAILED,
    JobCancelled: JobState.CANCELLED,
    JobExpired: JobState.EXPIRED,
}


class Row(NamedTuple):
    """The result of one entry of a batch, its ranking as stored.

    Attributes:
        position: its place in the batch, from 0.
        job_id: the job; None for a line that is no job.
        custom_id: the caller's name for it.
        state: how the job ended, in the words of `JobState`; None when there is no job, or its end
            cannot be read any more.
        result: the ranking, a `RerankResult` as JSON; None when there is none.
        error: why there is none.
        line: the line's number, for a line that is no job or whose job was accepted earlier.
    """

    position: int
    job_id: str | None
    custom_id: str | None
    state: str | None
    result: bytes | None
    error: JobError | None
    line: int | None = None


class RowReader:
    """Reads the rows of entries, without decoding rankings.

    Args:
        records: the ledger's jobs.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._size = PortionSize(MOST_PORTION)

    async def results(
        self, entries: Sequence[Placed], *, in_order: bool
    ) -> AsyncGenerator[list[Row], None]:
        """The rows of those that have ended, in the order given, in portions.

        Args:
            entries: what to look at.
            in_order: whether to stop before the first that has not ended.

        Raises:
            LedgerUnavailable: Redis has not answered for a minute.
        """
        at = 0
        while at < len(entries):
            # In order, the others need not be looked at as long as the first has not ended.
            portion = entries[at : at + (1 if in_order and at == 0 else self._size.entries)]
            at += len(portion)
            rows = await self._read(portion)
            if in_order and None in rows:
                rows = rows[: rows.index(None)]
                at = len(entries)
            if found := [row for row in rows if row]:
                yield found

    async def _read(self, portion: Sequence[Placed]) -> list[Row | None]:
        ids = [each.job_id for _, each in portion if not isinstance(each, RejectedLine)]
        read = await patiently(lambda: self._records.raw_ends(ids))
        self._size.learn(max((each.size for each in read), default=1))
        ends = iter(read)
        return [
            Row(position, None, entry.custom_id, None, None, entry.error, entry.line)
            if isinstance(entry, RejectedLine)
            else _row(position, entry, next(ends))
            for position, entry in portion
        ]


def _row(position: int, entry: OwnJob | ExistingJob, end: RawEnd) -> Row | None:
    line = None if isinstance(entry, OwnJob) else entry.line
    custom_id = entry.custom_id
    if end.result is not None:
        return Row(position, end.job_id, custom_id, _SUCCEEDED, end.result, None, line)
    if end.error is None:
        return None
    if isinstance(end.error, JobEnded):
        state, error = _STATES[type(end.error)].value, JobError.of(end.error)
    else:
        state, error = None, JobError(code=end.error.code, message=str(end.error))
    return Row(position, end.job_id, custom_id, state, None, error, line)


_SUCCEEDED: Final = JobState.SUCCEEDED.value
