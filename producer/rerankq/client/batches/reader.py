"""Reads a batch: gives each result once its job has ended, and knows when it was the last."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Final, Generic

from rerankq.client.arrivals import deadline_in
from rerankq.client.batches.entry_reader import EntryReader, R
from rerankq.client.batches.open_entries import OpenEntries
from rerankq.client.batches.parts import BatchParts
from rerankq.client.patience import patiently
from rerankq.errors import ResultTimeout
from rerankq.events import BatchAbandoned, BatchCompleted
from rerankq.ledger.batch_readings import PAGE

ABANDONED_SECONDS: Final = 10.0
"""How long the feeder of an unsealed batch may be silent before the batch counts as abandoned."""
POLL_SECONDS: Final = 0.05
LOOK_SECONDS: Final = 1.0
"""How often to look at entries even if the batch's counts show no new ends."""

PAGES_AT_ONCE: Final = 4


class BatchReader(Generic[R]):
    """Reads one batch, once.

    Args:
        parts: of the client.
        batch_id: the batch.
        entries: reads the results of entries.
        start: the position from which on it is read; those before it are left out.
        in_order: whether each result waits for those before it, or comes as its job ends.
        wait: whether to wait for jobs that have not ended, or leave them out.
        abandoned_after: seconds of silence of its feeder after which an unsealed batch counts as
            abandoned; None to wait without a limit.

    Attributes:
        waits: `wait`, as given.
        abandoned: whether the batch counted as abandoned.
        complete: whether all results were given, and no more can come.
        unended: how many entries were left out.
    """

    def __init__(
        self,
        parts: BatchParts,
        batch_id: str,
        entries: EntryReader[R],
        *,
        start: int = 0,
        in_order: bool = False,
        wait: bool = True,
        abandoned_after: float | None,
    ) -> None:
        self._batches = parts.batches
        self._events = parts.events
        self._unfed = 0.0
        self._batch_id = batch_id
        self._in_order = in_order
        self._abandoned_after = abandoned_after
        self._ends = entries
        self._start = start
        self._open = OpenEntries(start)
        self._given = 0
        self._rewound = False
        self._page = start // PAGE
        self._fruitless = 0
        self._look_at = 0.0
        self._unfound = 0
        self.waits = wait
        self.abandoned = False
        self.complete = False
        self.unended = 0

    def portions(self, timeout: float | None = None) -> AsyncGenerator[list[R], None]:
        """The results, in portions of 2 MiB or 100 at most, each portion in the order of the batch.

        Args:
            timeout: seconds to wait; None for no limit.

        Raises:
            BatchNotFound: no such batch.
            ResultTimeout: not all were given in time.
            InvalidRequest: `timeout` is not a number.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        return self._as_they_end(timeout) if self.waits else self._ended_by_now()

    def is_waited_for(self, position: int) -> bool:
        """Whether no result was given for that position yet."""
        return self._open.is_waited_for(position)

    def rewind(self, position: int) -> None:
        """Give all from that position on once more, and from now on in order."""
        self._open.reopen(position)
        self._given = position - self._start
        self._unfound = self._fruitless = self._page = 0
        self._in_order = self._rewound = True

    async def _as_they_end(
        self,
        timeout: float | None,  # noqa: ASYNC109  as in `portions`
    ) -> AsyncGenerator[list[R], None]:
        clock = asyncio.get_running_loop().time
        deadline = deadline_in(timeout)
        silent_since: float | None = None
        while True:
            # Checked here, as redis can swallow a cancellation before Python 3.12.
            is_late = deadline is not None and clock() >= deadline
            # The seal is read before the entries, so that entries added between the two are seen.
            batch = await patiently(lambda: self._batches.progress(self._batch_id))
            self._open.extend(await patiently(lambda: self._batches.size(self._batch_id)))
            before = self._given
            async with aclosing(self._look(batch.ended - self._given)) as portions:
                async for portion in portions:
                    yield portion
            if (self._given != before or self._rewound) and not is_late:
                self._rewound = False
                continue
            if not self._open.pages:
                if batch.sealed:
                    await self._completed()
                    return
                if not await self._silent():
                    silent_since = None
                elif silent_since is None:
                    silent_since = clock()
                elif self._give_up(clock() - silent_since):
                    return
            if is_late:
                raise ResultTimeout(
                    f"not all jobs of {self._batch_id} have ended after {timeout:g} seconds: they "
                    "go on, so read again later"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _silent(self) -> bool:
        if self._abandoned_after is None:
            return False
        self._unfed = await patiently(lambda: self._batches.unfed_seconds(self._batch_id))
        return self._unfed > self._abandoned_after

    def _give_up(self, seconds: float) -> bool:
        # Not at the first look: after an outage the feeder needs a moment to report again.
        self.abandoned = self._abandoned_after is not None and seconds > self._abandoned_after / 2
        if self.abandoned:
            found = BatchAbandoned(batch_id=self._batch_id, silent_seconds=self._unfed)
            self._events.tell(found)
        return self.abandoned

    async def _completed(self) -> None:
        self.complete = True
        if BatchCompleted not in self._events.wanted:
            return
        batch = await patiently(lambda: self._batches.progress(self._batch_id))
        self._events.tell(
            BatchCompleted(
                batch_id=batch.id,
                total=batch.total,
                rejected=batch.rejected,
                succeeded=batch.succeeded,
                failed=batch.failed,
                cancelled=batch.cancelled,
                expired=batch.expired,
            )
        )

    async def _look(self, due: int) -> AsyncGenerator[list[R], None]:
        """Read what has ended.

        Args:
            due: how many results there should be, by the batch's counts. These are not exact: an
                earlier job counts as ended even if it has not, and one whose record was deleted
                never counts.
        """
        now = asyncio.get_running_loop().time()
        fresh = due - self._unfound
        if fresh <= 0 and now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        read = 0
        for _ in range(PAGES_AT_ONCE):
            page = self._open.next_page(0 if self._in_order else self._page)
            if page is None:
                break
            before = read
            async with aclosing(self._read(page)) as portions:
                async for portion in portions:
                    read += len(portion)
                    yield portion
                    if self._rewound:
                        return
            self._page = page + 1
            self._fruitless = 0 if read > before else self._fruitless + 1
            if 0 < fresh <= read:
                # Jobs end roughly in their order: those that end next are at the front.
                self._page = 0
                break
        if read >= fresh:
            self._fruitless = 0
            self._unfound = max(0, min(self._unfound, due - read))
        elif self._fruitless >= self._open.pages:
            self._unfound, self._fruitless, self._page = due - read, 0, 0

    async def _read(self, page: int) -> AsyncGenerator[list[R], None]:
        start = page * PAGE
        entries = await patiently(partial(self._batches.page, self._batch_id, start))
        here = [
            (position, entries[position - start])
            for position in self._open.open_in(page)
            if position - start < len(entries)
        ]
        if not here:
            return
        async with aclosing(self._ends.results(here, in_order=self._in_order)) as portions:
            async for portion in portions:
                for each in portion:
                    self._open.settle(each.position)
                self._given += len(portion)
                yield portion

    async def _ended_by_now(self) -> AsyncGenerator[list[R], None]:
        batch = await patiently(lambda: self._batches.progress(self._batch_id))
        position = self._start
        while page := await patiently(partial(self._batches.page, self._batch_id, position)):
            given = 0
            placed = list(enumerate(page, position))
            async with aclosing(self._ends.results(placed, in_order=False)) as portions:
                async for portion in portions:
                    given += len(portion)
                    yield portion
            self.unended += len(page) - given
            position += len(page)
        if batch.sealed and not self.unended:
            await self._completed()
