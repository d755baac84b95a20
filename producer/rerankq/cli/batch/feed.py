"""Puts the lines of an input into a batch, in their order."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from enum import StrEnum
from itertools import groupby
from typing import Final

from rerankq.cli.batch.incoming import Incoming, IncomingLines
from rerankq.cli.patience import patiently
from rerankq.client import AsyncRerankClient
from rerankq.contract import Job, JobError
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.batches import ExistingJob, RejectedLine

SIGN_SECONDS: Final = 2.0
"""How often a feed says that it is alive: a full lane can hold it up for hours."""


class OnError(StrEnum):
    """What a bad line means for those after it."""

    SKIP = "skip"
    STOP = "stop"


class Feed:
    """Feeds one batch.

    Attributes:
        next_line: the first line that is not known to be recorded.
        ended: whether the input was read to its end.
        stopped: whether a bad line ended the feeding.
    """

    def __init__(
        self,
        client: AsyncRerankClient,
        batch_id: str,
        lines: IncomingLines,
        *,
        on_error: OnError,
        report: Callable[[RejectedLine], None],
        held_up: Callable[[str], None],
    ) -> None:
        self._client = client
        self._batch_id = batch_id
        self._lines = lines
        self._on_error = on_error
        self._report = report
        self._held_up = held_up
        self._in_hand: list[Incoming] = []
        self._halted = False
        # Eight bytes for each line: there may be millions.
        self._line_numbers = array("Q")
        self.next_line = 1
        self.ended = False
        self.stopped = False

    async def run(self) -> None:
        """Record every line, as far as the input, `halt` and bad lines let it.

        Raises:
            CommandError: the input cannot be read any further.
            LedgerUnavailable: Redis has been away for a minute.
        """
        async with self._signs_of_life(), aclosing(self._lines.portions()) as portions:
            async for portion in portions:
                for kind, group in groupby(portion, _kind):
                    if self._halted or self.stopped:
                        return
                    await self._record(kind, list(group))
        self.ended = True
        await self._client.publishing.flush()

    @asynccontextmanager
    async def _signs_of_life(self) -> AsyncIterator[None]:
        over = asyncio.Event()
        giving = asyncio.create_task(self._give_signs(over))
        try:
            yield
        finally:
            # Both: before Python 3.12, redis can swallow a cancellation.
            over.set()
            giving.cancel()
            await asyncio.gather(giving, return_exceptions=True)

    async def _give_signs(self, over: asyncio.Event) -> None:
        while not over.is_set():
            with suppress(LedgerUnavailable):
                await self._client.batches.feeding(self._batch_id)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), SIGN_SECONDS)

    @property
    def recording(self) -> bool:
        """Whether lines are on their way into the ledger, perhaps recorded, perhaps not."""
        return bool(self._in_hand)

    def line_of(self, position: int) -> int | None:
        """The line of input that stands at that position of the batch."""
        return self._line_numbers[position] if position < len(self._line_numbers) else None

    def halt(self) -> None:
        """Record nothing more than what is under way."""
        self._halted = True

    async def look_up(self) -> None:
        """After a recording was broken off, find out how far it had come."""
        jobs = [(each.line, each.entry.id) for each in self._in_hand if isinstance(each.entry, Job)]
        known = await self._client.records.outlines([job_id for _, job_id in jobs]) if jobs else []
        for (line, _), outline in zip(jobs, known, strict=True):
            if outline is None:
                return
            self.next_line = max(self.next_line, line + 1)

    async def _record(self, kind: str, group: list[Incoming]) -> None:
        self._in_hand = group
        if kind == _PLAIN:
            self._line_numbers.extend(each.line for each in group)
            jobs = [each.entry for each in group if isinstance(each.entry, Job)]
            await patiently(lambda: self._client.admissions.admit(jobs, held_up=self._held_up))
            self.next_line = group[-1].line + 1
        else:
            for each in group:
                if self._halted or self.stopped:
                    break
                await self._record_one(each)
        self._in_hand = []

    async def _record_one(self, incoming: Incoming) -> None:
        entry = incoming.entry
        self._line_numbers.append(incoming.line)
        if isinstance(entry, Job):
            refused = await self._admit_keyed(entry, incoming.line)
        else:
            refused = entry
        if refused:
            await self._reject(refused)
        self.next_line = incoming.line + 1

    async def _admit_keyed(self, job: Job, line: int) -> RejectedLine | None:
        # One by one: the place of a job that exists already is known only by then.
        ids, conflict = await patiently(
            lambda: self._client.admissions.admit([job], held_up=self._held_up)
        )
        if conflict:
            error = JobError(code=conflict.code, message=f"line {line}: {conflict}")
            return RejectedLine(line=line, custom_id=job.custom_id, error=error)
        if ids[0] != job.id:
            existing = ExistingJob(job_id=ids[0], line=line, custom_id=job.custom_id)
            await patiently(lambda: self._client.batches.adopt(self._batch_id, existing))
        return None

    async def _reject(self, line: RejectedLine) -> None:
        self._report(line)
        await patiently(lambda: self._client.batches.reject(self._batch_id, line))
        self.stopped = self._on_error is OnError.STOP


_PLAIN: Final = "plain"
_SINGLE: Final = "single"


def _kind(incoming: Incoming) -> str:
    entry = incoming.entry
    return _PLAIN if isinstance(entry, Job) and entry.idempotency_key is None else _SINGLE
