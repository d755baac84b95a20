"""Adds to a batch, in order, and reports meanwhile that its feeder is alive."""

import asyncio
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Final, NamedTuple, Self

from rerankq.client.admissions import Offered
from rerankq.client.batches.parts import BatchParts
from rerankq.client.drafts import owned
from rerankq.client.patience import patiently
from rerankq.client.prepared import PreparedJob
from rerankq.contract import Job, JobError
from rerankq.errors import IdempotencyConflict, LedgerUnavailable
from rerankq.ledger.batches import ExistingJob, RejectedLine

SIGN_SECONDS: Final = 2.0
"""How often a feed reports that it is alive: a full lane can hold it up for hours."""


class BatchLine(NamedTuple):
    """A line to be added to a batch: its number, and its job, which has the batch's id.

    All jobs that are added together are prepared, or none is.

    For a line that is no job, the reason takes the job's place.
    """

    line: int
    entry: Job | PreparedJob | RejectedLine


class BatchFeed:
    """Adds to one batch. While entered by `async with`, readers know that more may come.

    Args:
        parts: of the client.
        batch_id: the batch.
        next_line: number of the next line.
        rejected: told of each line that is no job, before it is recorded. With it, a line whose
            idempotency key belongs to another request counts as one; without it, such a line ends
            the adding.
        held_up: called with the reason, each time that a full lane has taken none.

    Attributes:
        next_line: the first line that is not known to be recorded.
        halted: whether no more lines are recorded, except those under way.
    """

    def __init__(
        self,
        parts: BatchParts,
        batch_id: str,
        *,
        next_line: int = 1,
        rejected: Callable[[RejectedLine], None] | None = None,
        held_up: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._parts = parts
        self._batch_id = batch_id
        self._rejected = rejected
        self._held_up = held_up
        self._in_hand: list[BatchLine] = []
        # Eight bytes for each line: there may be millions.
        self._line_numbers = array("Q")
        self._over = asyncio.Event()
        self._signs: asyncio.Task[None] | None = None
        self.next_line = next_line
        self.halted = False

    async def __aenter__(self) -> Self:
        self._over.clear()
        self._signs = asyncio.create_task(self._give_signs())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._signs:
            # Both: before Python 3.12, redis can swallow a cancellation.
            self._over.set()
            self._signs.cancel()
            await asyncio.gather(self._signs, return_exceptions=True)

    async def add(self, lines: Sequence[BatchLine], *, patience: float | None = None) -> Offered:
        """Record lines in their order, until `halt` is called.

        Args:
            lines: what to record. A few hundred are held in memory at once.
            patience: seconds for which a full lane may take none; None for no limit.

        Returns:
            The ids of the jobs that were recorded, now or earlier, and why those after them were
            not: QueueFull, BatchNotFound, or IdempotencyConflict.

        Raises:
            LedgerUnavailable: Redis has not answered for a minute.
        """
        ids: list[str] = []
        for is_alone, group in groupby(lines, _is_alone):
            for part in ([each] for each in group) if is_alone else (list(group),):
                if self.halted:
                    return ids, None
                added, refusal = await self._record(part, patience)
                ids += added
                if refusal:
                    return ids, refusal
        return ids, None

    @property
    def is_recording(self) -> bool:
        """Whether lines are under way: it is not known yet whether they were recorded."""
        return bool(self._in_hand)

    def line_of(self, position: int) -> int | None:
        """The line at that position of the batch, if this feed added it."""
        return self._line_numbers[position] if position < len(self._line_numbers) else None

    def halt(self) -> None:
        """Record no more lines, except those under way."""
        self.halted = True

    async def look_up(self) -> None:
        """After an interrupted recording, find out how much of it was done.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        jobs = [
            (each.line, each.entry.id)
            for each in self._in_hand
            if not isinstance(each.entry, RejectedLine)
        ]
        known = await self._parts.records.outlines([job_id for _, job_id in jobs])
        for (line, _), outline in zip(jobs, known, strict=True):
            if outline is None:
                return
            self.next_line = max(self.next_line, line + 1)

    async def seal(self, *, whole: bool = True) -> None:
        """Say that nothing more will be added; if input is left, record the first line of it.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        if whole:
            await self._parts.publishing.flush()
        cut_at = None if whole else self.next_line
        await self._parts.batches.seal(self._batch_id, cut_at=cut_at)

    async def _give_signs(self) -> None:
        while not self._over.is_set():
            with suppress(LedgerUnavailable):
                await self._parts.batches.feeding(self._batch_id)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), SIGN_SECONDS)

    async def _record(self, part: list[BatchLine], patience: float | None) -> Offered:
        self._in_hand = part
        self._line_numbers.extend(each.line for each in part)
        ids: list[str] = []
        refusal = None
        first, line = part[0].entry, part[0].line
        if isinstance(first, RejectedLine):
            await self._reject(first)
        else:
            ids, refusal = await patiently(lambda: self._offer(part, patience))
            if isinstance(refusal, IdempotencyConflict) and self._rejected:
                error = JobError(code=refusal.code, message=f"line {line}: {refusal}")
                await self._reject(
                    RejectedLine(line=line, custom_id=_custom_id(first), error=error)
                )
                refusal = None
            elif ids and ids[0] != first.id:
                earlier = ExistingJob(job_id=ids[0], line=line, custom_id=_custom_id(first))
                await patiently(lambda: self._parts.batches.adopt(self._batch_id, earlier))
        self.next_line = part[len(ids)].line if refusal else part[-1].line + 1
        self._in_hand = []
        return ids, refusal

    async def _offer(self, part: list[BatchLine], patience: float | None) -> Offered:
        tenant = self._parts.tenant
        jobs = [owned(each.entry, tenant) for each in part if isinstance(each.entry, Job)]
        prepared = [each.entry for each in part if isinstance(each.entry, PreparedJob)]
        admissions, start = self._parts.admissions, part[0].line - 1
        if prepared:
            return await admissions.offer_prepared(
                prepared, patience=patience, start=start, held_up=self._held_up
            )
        return await admissions.offer(jobs, patience=patience, start=start, held_up=self._held_up)

    async def _reject(self, line: RejectedLine) -> None:
        if self._rejected:
            self._rejected(line)
        await patiently(lambda: self._parts.batches.reject(self._batch_id, line))


def _is_alone(line: BatchLine) -> bool:
    # A job with an idempotency key may be an earlier one: its place is known only afterwards.
    match line.entry:
        case RejectedLine():
            return True
        case PreparedJob():
            return "key" in line.entry.head
        case Job():
            return line.entry.idempotency_key is not None


def _custom_id(job: Job | PreparedJob) -> str | None:
    if isinstance(job, Job):
        return job.custom_id
    custom = job.head.get("custom")
    return None if custom is None else str(custom)
