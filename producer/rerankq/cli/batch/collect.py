"""Collects a batch: fetches the row of each job that has ended, and has all written in order."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import Final

from rerankq.cli.patience import patiently
from rerankq.cli.rows.open_entries import OpenEntries
from rerankq.cli.rows.ordered_output import OrderedOutput
from rerankq.cli.rows.row_reader import Placed, RowReader
from rerankq.client import AsyncRerankClient
from rerankq.errors import JobNotFound, LedgerUnavailable, ResultExpired
from rerankq.ledger.batches import PAGE, Entry, RejectedLine

POLL_SECONDS: Final = 0.05
LOOK_SECONDS: Final = 1.0
"""How often to look at entries though nothing more of the batch is known to have ended."""

PAGES_AT_ONCE: Final = 4
SLICE: Final = 50


class Collector:
    """Collects one batch.

    Args:
        client: where the batch is.
        batch_id: the batch.
        output: where its rows go.
        wait: whether to wait for jobs that have not ended, rather than leave them out.
        abandoned_after: seconds without a sign of life from its feeder after which a batch that
            was never sealed is given up; None to wait for as long as it takes.
        line_of: the number of the line of input that stands at a position, where it is known.

    Attributes:
        output: as given; it has the counts.
        abandoned: whether the batch was given up.
        complete: whether all there will ever be was written.
    """

    def __init__(
        self,
        client: AsyncRerankClient,
        batch_id: str,
        output: OrderedOutput,
        *,
        wait: bool = True,
        abandoned_after: float | None = None,
        line_of: Callable[[int], int | None] = lambda _: None,
    ) -> None:
        self._client = client
        self._batch_id = batch_id
        self._wait = wait
        self._abandoned_after = abandoned_after
        self._reader = RowReader(client, line_of=line_of)
        self._open = OpenEntries()
        self._page = 0
        self._fruitless = 0
        self._look_at = 0.0
        self._unfound = 0
        self.output = output
        self.abandoned = False
        self.complete = False

    async def run(self) -> None:
        """Write the row of every entry.

        Raises:
            BatchNotFound: no such batch.
            OutputClosed, CommandError: the output takes no more.
            LedgerUnavailable: Redis has been away for a minute.
        """
        try:
            if self._wait:
                await self._collect()
            else:
                await self._write_what_ended()
        finally:
            self.output.close()

    async def release(self) -> None:
        """Let results that were all written have their ordinary retention from now on."""
        # Where Redis does not answer, they are kept as long as the batch: no reason to fail.
        with suppress(LedgerUnavailable):
            for start in range(0, self._open.known, PAGE):
                page = await self._client.batches.page(self._batch_id, start)
                await self._client.batches.collected(self._batch_id, _job_ids(page))

    async def _collect(self) -> None:
        clock = asyncio.get_running_loop().time
        silent_since: float | None = None
        while True:
            # Sealed first, entries second: what was added between the two is still seen.
            batch = await patiently(lambda: self._client.batches.progress(self._batch_id))
            self._open.extend(await patiently(lambda: self._client.batches.size(self._batch_id)))
            if await self._look(batch.ended - self.output.ended.rows):
                continue
            if self.output.next == self._open.known:
                if batch.sealed:
                    self.complete = True
                    return
                if not await self._silent():
                    silent_since = None
                elif silent_since is None:
                    silent_since = clock()
                elif self._give_up(clock() - silent_since):
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def _silent(self) -> bool:
        if self._abandoned_after is None:
            return False
        unfed = await patiently(lambda: self._client.batches.unfed_seconds(self._batch_id))
        return unfed > self._abandoned_after

    def _give_up(self, seconds: float) -> bool:
        # Not at the first look: after an outage, the feeder may need a moment to be heard again.
        self.abandoned = self._abandoned_after is not None and seconds > self._abandoned_after / 2
        return self.abandoned

    async def _look(self, due: int) -> int:
        """Fetch what has ended; returns how much that was.

        Args:
            due: how many rows may be had, by the batch's counts. They are a hint: an earlier job
                counts as ended when it has not, and one whose record was deleted never counts.
        """
        now = asyncio.get_running_loop().time()
        fresh = due - self._unfound
        if fresh <= 0 and now < self._look_at:
            return 0
        self._look_at = now + LOOK_SECONDS
        fetched = 0
        for _ in range(PAGES_AT_ONCE):
            page = self._open.next_page(0 if self.output.no_room else self._page)
            if page is None:
                break
            here = await self._fetch(page)
            fetched += here
            self._page = page + 1
            self._fruitless = 0 if here else self._fruitless + 1
            if 0 < fresh <= fetched:
                # Jobs end about in their order: what ends next stands at the front.
                self._page = 0
                break
        if fetched >= fresh:
            self._fruitless = 0
            self._unfound = max(0, min(self._unfound, due - fetched))
        elif self._fruitless >= self._open.pages:
            self._unfound, self._fruitless, self._page = due - fetched, 0, 0
        return fetched

    async def _fetch(self, page: int) -> int:
        start = page * PAGE
        entries = await patiently(partial(self._client.batches.page, self._batch_id, start))
        here: list[Placed] = [
            (position, entries[position - start])
            for position in self._open.open_in(page)
            if position - start < len(entries)
        ]
        if self.output.no_room and not await self._reader.has_ended(here[:1]):
            return 0
        fetched = 0
        async with aclosing(self._reader.rows(here)) as portions:
            async for rows in portions:
                taken = await self.output.take(rows)
                fetched += taken
                for row in rows[:taken]:
                    self._open.settle(row.position)
                kept = await self.output.catch_up(self._open.is_waited_for)
                if taken < len(rows) or not kept:
                    self._open.reopen(self.output.next)
                    break
        return fetched

    async def _write_what_ended(self) -> None:
        batch = await patiently(lambda: self._client.batches.progress(self._batch_id))
        position = 0
        while page := await patiently(partial(self._client.batches.page, self._batch_id, position)):
            written = 0
            async for rows in self._reader.rows(list(enumerate(page, position))):
                await self.output.write(rows)
                written += len(rows)
            self.output.written.unended += len(page) - written
            position += len(page)
        self._open.extend(position)
        self.complete = batch.sealed and not self.output.written.unended


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


def _job_ids(entries: Sequence[Entry]) -> list[str]:
    return [each.job_id for each in entries if not isinstance(each, RejectedLine)]
