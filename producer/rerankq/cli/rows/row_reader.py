"""Entries of a batch that have ended to rows: few at a time, as rankings can be large."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from rerankq.cli.patience import patiently
from rerankq.cli.rows.rows import Kind, Row, rejected_row, row_of_job
from rerankq.client import AsyncRerankClient
from rerankq.ledger.batches import Entry, ExistingJob, OwnJob, RejectedLine
from rerankq.ledger.records import Outline

PORTION_BYTES: Final = 2 * 1024 * 1024
FIRST_PORTION: Final = 10
MOST_PORTION: Final = 100

Placed = tuple[int, Entry]
"""An entry and its position in the batch."""


class RowReader:
    """Makes the rows of one batch.

    Args:
        client: where the batch is.
        line_of: the number of the line of input that stands at a position, where it is known.
    """

    def __init__(
        self, client: AsyncRerankClient, *, line_of: Callable[[int], int | None] = lambda _: None
    ) -> None:
        self._client = client
        self._line_of = line_of
        self._portion = FIRST_PORTION

    async def rows(self, entries: Sequence[Placed]) -> AsyncGenerator[list[Row], None]:
        """The rows of those that have ended, in the order given, in portions.

        Raises:
            LedgerUnavailable: Redis has been away for a minute.
        """
        outlines: dict[str, Outline | None] = {}
        ended = await self._ended(entries, outlines)
        while ended:
            portion, ended = ended[: self._portion], ended[self._portion :]
            rows = await self._read(portion, outlines)
            largest = max(len(each.line) for each in rows)
            self._portion = max(1, min(MOST_PORTION, PORTION_BYTES // largest))
            yield rows

    async def has_ended(self, entries: Sequence[Placed]) -> bool:
        """Whether there would be a row for one of them.

        Raises:
            LedgerUnavailable: Redis has been away for a minute.
        """
        return bool(await self._ended(entries, {}))

    async def _ended(
        self, entries: Sequence[Placed], outlines: dict[str, Outline | None]
    ) -> list[Placed]:
        ids = [entry.job_id for _, entry in entries if not isinstance(entry, RejectedLine)]
        known = await patiently(lambda: self._client.records.outlines(ids)) if ids else []
        outlines |= zip(ids, known, strict=True)
        return [each for each in entries if _has_ended(each[1], outlines)]

    async def _read(
        self, portion: Sequence[Placed], outlines: dict[str, Outline | None]
    ) -> list[Row]:
        ids = [entry.job_id for _, entry in portion if not isinstance(entry, RejectedLine)]
        ends = dict(await patiently(lambda: self._client.records.ends(ids)))
        return [
            Row(position, Kind.REJECTED, rejected_row(entry))
            if isinstance(entry, RejectedLine)
            else row_of_job(
                position,
                entry,
                outlines[entry.job_id],
                ends[entry.job_id],
                self._line(position, entry),
            )
            for position, entry in portion
        ]

    def _line(self, position: int, entry: OwnJob | ExistingJob) -> int | None:
        return entry.line if isinstance(entry, ExistingJob) else self._line_of(position)


def _has_ended(entry: Entry, outlines: dict[str, Outline | None]) -> bool:
    if isinstance(entry, RejectedLine):
        return True
    outline = outlines[entry.job_id]
    # A job without a record is past its retention: waiting would not bring it back.
    return outline is None or outline.state.ended
