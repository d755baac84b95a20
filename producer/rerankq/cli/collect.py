"""Writes a batch's output: in order, as its jobs end, a slice of them in memory at a time."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Final

from rerankq.cli.patience import patiently
from rerankq.cli.rows import job_id_of, job_row, rejected_row
from rerankq.client import AsyncRerankClient
from rerankq.contract import RerankResult
from rerankq.errors import JobNotFound, ResultExpired
from rerankq.ledger.batches import Entry, ExistingJob, RejectedLine
from rerankq.ledger.records import End, Outline

Outlines = dict[str, Outline | None]

POLL_SECONDS: Final = 0.05
SLICE: Final = 50


@dataclass(slots=True)
class Tally:
    """What became of the lines written."""

    succeeded: int = 0
    failed: int = 0
    rejected: int = 0
    unended: int = 0


class Collector:
    """Collects one batch.

    Args:
        client: where the batch is.
        batch_id: the batch.
        write: takes whole lines; called in a thread, as a pipe may block.
        wait: whether to wait for jobs that have not ended, rather than leave them out.
        abandoned_after: seconds without a sign of life from its feeder after which a batch that
            was never sealed is given up; None to wait for as long as it takes.
    """

    def __init__(
        self,
        client: AsyncRerankClient,
        batch_id: str,
        write: Callable[[bytes], None],
        *,
        wait: bool = True,
        abandoned_after: float | None = None,
    ) -> None:
        self._client = client
        self._batch_id = batch_id
        self._write = write
        self._wait = wait
        self._abandoned_after = abandoned_after
        self.tally = Tally()
        self.abandoned = False

    async def run(self) -> None:
        """Write the line of every entry.

        Raises:
            BatchNotFound: no such batch.
            OutputClosed, CommandError: the output takes no more.
            LedgerUnavailable: Redis has been away for a minute.
        """
        clock = asyncio.get_running_loop().time
        position = 0
        silent_since: float | None = None
        while True:
            # Sealed first, entries second: what was added between the two is still seen.
            sealed = await patiently(self._sealed)
            page = await patiently(partial(self._client.batches.page, self._batch_id, position))
            for start in range(0, len(page), SLICE):
                await self._write_slice(page[start : start + SLICE])
            position += len(page)
            if page:
                continue
            if sealed or not self._wait:
                return
            if not await self._silent():
                silent_since = None
            elif silent_since is None:
                silent_since = clock()
            elif self._give_up(clock() - silent_since):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _sealed(self) -> bool:
        return (await self._client.batches.progress(self._batch_id)).sealed

    async def _silent(self) -> bool:
        if self._abandoned_after is None:
            return False
        unfed = await patiently(lambda: self._client.batches.unfed_seconds(self._batch_id))
        return unfed > self._abandoned_after

    def _give_up(self, seconds: float) -> bool:
        # Not at the first look: after an outage, the feeder may need a moment to be heard again.
        self.abandoned = self._abandoned_after is not None and seconds > self._abandoned_after / 2
        return self.abandoned

    async def _write_slice(self, entries: list[Entry]) -> None:
        left = entries
        while left:
            outlines = await self._outlines(left)
            # Order is kept: what ended behind a job that has not must wait for it.
            choose = takewhile if self._wait else filter
            ready = list(choose(partial(_ended, outlines), left))
            await self._write_rows(ready, outlines)
            if not self._wait:
                self.tally.unended += len(left) - len(ready)
                return
            left = left[len(ready) :]
            if left:
                await self._first_ended(left[:1])

    async def _first_ended(self, first: Sequence[Entry]) -> None:
        # Of the one that holds up the others: a long wait should cost little.
        while True:
            await asyncio.sleep(POLL_SECONDS)
            outlines = await self._outlines(first)
            if all(_ended(outlines, each) for each in first):
                return

    async def _outlines(self, entries: Sequence[Entry]) -> Outlines:
        ids = _job_ids(entries)
        known = await patiently(lambda: self._client.records.outlines(ids)) if ids else []
        return dict(zip(ids, known, strict=True))

    async def _write_rows(self, entries: Sequence[Entry], outlines: Outlines) -> None:
        if not entries:
            return
        ids = _job_ids(entries)
        ends = dict(await patiently(lambda: self._client.records.ends(ids)))
        rows = b"".join(_row(each, outlines, ends) for each in entries)
        await asyncio.to_thread(self._write, rows)
        ranked = sum(isinstance(ends[job_id], RerankResult) for job_id in ids)
        self.tally.succeeded += ranked
        self.tally.failed += len(ids) - ranked
        self.tally.rejected += len(entries) - len(ids)


async def all_gone(client: AsyncRerankClient, batch_id: str) -> bool:
    """Whether the batch has jobs, and what became of them is past its retention for each.

    Raises:
        LedgerUnavailable: Redis did not answer.
    """
    position, jobs = 0, 0
    while page := await client.batches.page(batch_id, position):
        # A slice at a time, as rankings can be large; as a rule the first one answers.
        for start in range(0, len(page), SLICE):
            ids = _job_ids(page[start : start + SLICE])
            ends = dict(await client.records.ends(ids))
            if not all(isinstance(ends.get(each), JobNotFound | ResultExpired) for each in ids):
                return False
            jobs += len(ids)
        position += len(page)
    return jobs > 0


def _job_ids(entries: Iterable[Entry]) -> list[str]:
    return [job_id_of(each) for each in entries if not isinstance(each, RejectedLine)]


def _ended(outlines: Outlines, entry: Entry) -> bool:
    if isinstance(entry, RejectedLine):
        return True
    outline = outlines[job_id_of(entry)]
    # A job without a record is past its retention: waiting would not bring it back.
    return outline is None or outline.state.ended


def _row(entry: Entry, outlines: Outlines, ends: dict[str, End]) -> bytes:
    if isinstance(entry, RejectedLine):
        return rejected_row(entry)
    job_id = job_id_of(entry)
    outline = outlines[job_id]
    own_name = outline.custom_id if outline else None
    custom_id = entry.custom_id if isinstance(entry, ExistingJob) else own_name
    return job_row(job_id, custom_id, outline, ends[job_id])
