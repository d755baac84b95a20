"""The results of a batch's entries, read a few at a time, because rankings can be large."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from rerankq.client.batches.entry_reader import Placed, PortionSize
from rerankq.client.handles import ranking
from rerankq.client.patience import patiently
from rerankq.contract import JobError, JobState, RerankResult
from rerankq.errors import JobFailed
from rerankq.ledger.batches import Entry, OwnJob, RejectedLine
from rerankq.ledger.ends import End
from rerankq.ledger.records import Outline, Records

MOST_PORTION: Final = 100


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The result of one entry of a batch.

    Attributes:
        position: its place in the batch, from 0.
        job_id: the job; None for a line that is no job.
        custom_id: the caller's name for it.
        line: the line's number, for a line that is no job or whose job was accepted earlier; None
            for others.
        state: how the job ended; None when its record is past its retention, or there is no job.
        attempts: calls that were answered or lost.
        end: the ranking, or the error that says why there is none; a `JobError` for a line that is
            no job.
    """

    position: int
    job_id: str | None
    custom_id: str | None
    line: int | None
    state: JobState | None
    attempts: int
    end: End | JobError

    def result(self) -> RerankResult:
        """The ranking.

        Raises:
            JobFailed, JobCancelled, JobExpired: the job ended without one, or the line is no job.
            JobNotFound, ResultExpired, InvalidRequest: the result is gone or damaged.
        """
        if isinstance(self.end, JobError):
            raise JobFailed(self.end.code, self.end.message)
        return ranking(self.end)


class EndReader:
    """Reads the results of entries.

    Args:
        records: the ledger's jobs.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._size = PortionSize(MOST_PORTION)

    async def results(
        self, entries: Sequence[Placed], *, in_order: bool
    ) -> AsyncGenerator[list[BatchResult], None]:
        """The results of those that have ended, in the order given, in portions.

        Args:
            entries: what to look at.
            in_order: whether to stop before the first that has not ended.

        Raises:
            LedgerUnavailable: Redis has not answered for a minute.
        """
        outlines: dict[str, Outline | None] = {}
        # In order, nothing can be given before the first has ended: it is looked at alone.
        if in_order and not _has_ended(entries[0], await self._look(entries[:1], outlines)):
            return
        outlines = await self._look(entries, outlines)
        chosen = takewhile if in_order else filter
        ended = list(chosen(lambda each: _has_ended(each, outlines), entries))
        while ended:
            size = self._size.entries
            portion, ended = ended[:size], ended[size:]
            yield await self._read(portion, outlines)

    async def _look(
        self, entries: Sequence[Placed], outlines: dict[str, Outline | None]
    ) -> dict[str, Outline | None]:
        ids = _job_ids(entries)
        known = await patiently(lambda: self._records.outlines(ids))
        return outlines | dict(zip(ids, known, strict=True))

    async def _read(
        self, portion: Sequence[Placed], outlines: dict[str, Outline | None]
    ) -> list[BatchResult]:
        ids = _job_ids(portion)
        read = await patiently(lambda: self._records.sized_ends(ids))
        self._size.learn(max((size for _, _, size in read), default=1))
        ends = {job_id: end for job_id, end, _ in read}
        return [
            BatchResult(position, None, entry.custom_id, entry.line, None, 0, entry.error)
            if isinstance(entry, RejectedLine)
            else _result(position, entry, outlines[entry.job_id], ends[entry.job_id])
            for position, entry in portion
        ]


def _result(position: int, entry: Entry, outline: Outline | None, end: End) -> BatchResult:
    is_own = isinstance(entry, OwnJob)
    custom_id = entry.custom_id
    if custom_id is None and is_own and outline:
        # Only for a job of the batch: an earlier job has its own custom id.
        custom_id = outline.custom_id
    state, attempts = (outline.state, outline.attempts) if outline else (None, 0)
    line = None if isinstance(entry, OwnJob) else entry.line
    job_id = None if isinstance(entry, RejectedLine) else entry.job_id
    return BatchResult(position, job_id, custom_id, line, state, attempts, end)


def _job_ids(entries: Sequence[Placed]) -> list[str]:
    return [entry.job_id for _, entry in entries if not isinstance(entry, RejectedLine)]


def _has_ended(placed: Placed, outlines: dict[str, Outline | None]) -> bool:
    entry = placed[1]
    if isinstance(entry, RejectedLine):
        return True
    outline = outlines[entry.job_id]
    # A job without a record is past its retention: to wait for it would not help.
    return outline is None or outline.state.ended
