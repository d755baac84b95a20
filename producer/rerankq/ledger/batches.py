"""Jobs that belong together, in order, with the lines of input that are no jobs."""

import uuid
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from rerankq.contract import BatchOptions, Lane
from rerankq.errors import BatchClosed, InvalidRequest
from rerankq.events import (
    BatchCancelled,
    BatchOpened,
    BatchPaused,
    BatchResumed,
    BatchSealed,
    Events,
)
from rerankq.ledger.batch_ends import tell_of_ended
from rerankq.ledger.batch_entries import Entry, ExistingJob, OwnJob, RejectedLine
from rerankq.ledger.batch_readings import PAGE, BatchReadings, not_found
from rerankq.ledger.batch_scripts import (
    CANCEL_BATCH,
    CANCEL_JOBS,
    COLLECTED,
    FEEDING,
    NOTE,
    NOTE_RETRY,
    OPEN,
    PAUSE,
    RESUME,
    SEAL,
)
from rerankq.ledger.callback_workers import CallbackWorkers
from rerankq.ledger.outbox import check_callbacks
from rerankq.ledger.ownership import Ownership
from rerankq.store.store import Retention, Store

__all__ = ["PAGE", "Batches", "Entry", "ExistingJob", "OwnJob", "RejectedLine", "Released"]

KEPT_SECONDS: Final = 31 * 24 * 3600.0
_NO_OPTIONS: Final = BatchOptions()


class Released(NamedTuple):
    """A portion of the jobs that a pause held back.

    Attributes:
        announce: ids that have to be announced again, by lane.
        left: how many are still held back.
    """

    announce: dict[Lane, list[str]]
    left: int


class Cancelled(NamedTuple):
    """A portion of the jobs of a cancelled batch.

    Attributes:
        ended: how many it ended.
        is_last: whether there are no more.
    """

    ended: int
    is_last: bool


class Batches(BatchReadings):
    """Opens, feeds, stops and reads batches.

    Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where they are.
        retention: how long results are kept once their batch was collected.
        kept_seconds: how long a new batch is kept, and its results until they are collected.
        events: told of what happens to batches.
        ownership: whose they are: those of others are not found. None for all.
    """

    def __init__(
        self,
        store: Store,
        retention: Retention,
        *,
        kept_seconds: float = KEPT_SECONDS,
        events: Events | None = None,
        ownership: Ownership | None = None,
    ) -> None:
        own = ownership or Ownership(store, None)
        super().__init__(store, kept_seconds=kept_seconds, ownership=own)
        self._events = events or Events()
        self._retention = retention
        self._callback_workers = CallbackWorkers(store)

    def of(self, ownership: Ownership) -> "Batches":
        """The same, for one tenant."""
        made = Batches(
            self._store,
            self._retention,
            kept_seconds=self._kept_ms / 1000,
            events=self._events,
            ownership=ownership,
        )
        # It warns once a minute for all tenants together.
        made._callback_workers = self._callback_workers
        return made

    async def open(
        self,
        options: BatchOptions = _NO_OPTIONS,
        *,
        tenant: str | None = None,
        batch_id: str | None = None,
        retry_of: str | None = None,
    ) -> str:
        """Start a batch; returns its id. Jobs enter it by carrying that id.

        Args:
            options: how it is opened.
            tenant: whose it is.
            batch_id: its id, if the caller chooses it: a repeat then finds the batch.
            retry_of: the batch whose failed jobs it repeats.

        Raises:
            BatchNotFound: another tenant has a batch with that id.
            InvalidRequest: a callback names an unknown webhook, or a tenant's names a task.
        """
        own = self._ownership.tenant or tenant
        check_callbacks(options.callbacks, own)
        if options.callbacks:
            await self._callback_workers.warn()
        named = batch_id or f"batch-{uuid.uuid4()}"
        kept = options.kept_seconds
        (opened,) = await self._store.run(
            OPEN(
                batch=named,
                kept_ms=self._kept_ms if kept is None else int(kept * 1000),
                tenant=own or "",
                fields=_fields(options, retry_of),
            )
        )
        if opened == _NO_WEBHOOK:
            raise InvalidRequest("callbacks", "names a webhook that there is not: see its id")
        if opened < 0:
            raise not_found(named)
        if opened:
            self._events.tell(BatchOpened(batch_id=named))
        return named

    async def feeding(self, batch_id: str) -> None:
        """Note that the batch is still being fed, also when nothing is added for a while."""
        await self._check(batch_id)
        await self._store.run(FEEDING(batch_id))

    async def reject(self, batch_id: str, line: RejectedLine) -> None:
        """Record a line that is no job, at its place in the order."""
        await self._check(batch_id)
        await self._store.run(NOTE(batch_id, line.encode(), counter="rejected", id=""))

    async def adopt(self, batch_id: str, existing: ExistingJob) -> None:
        """Record that a line's job was accepted earlier, at its place in the order.

        From now on that job's result is kept as long as the batch.
        """
        await self._check(batch_id)
        await self._store.run(
            NOTE(batch_id, existing.encode(), counter="existing", id=existing.job_id)
        )

    async def seal(self, batch_id: str, *, cut_at: int | None = None) -> None:
        """Say that nothing more will be added: the batch is done when all its jobs have ended.

        Args:
            batch_id: the batch.
            cut_at: the first line of input that was not submitted; None when all were.
        """
        await self._check(batch_id)
        cut = "" if cut_at is None else str(cut_at)
        _, ended = await self._store.run(SEAL(batch_id, cut_at=cut))
        self._events.tell(BatchSealed(batch_id=batch_id, cut_at=cut_at))
        tell_of_ended(self._events, ended)

    async def pause(self, batch_id: str) -> bool:
        """Let none of its jobs begin; returns False when it was paused already.

        Raises:
            BatchNotFound: no such batch.
            BatchClosed: it was cancelled, or has ended.
        """
        await self._check(batch_id)
        (answer,) = await self._store.run(PAUSE(batch_id))
        if answer == _NONE:
            raise not_found(batch_id)
        if answer == _CLOSED:
            raise BatchClosed(f"{batch_id} was cancelled or has ended: nothing is left to pause")
        if answer:
            self._events.tell(BatchPaused(batch_id=batch_id))
        return bool(answer)

    async def resume(self, batch_id: str, *, is_first: bool = True) -> Released:
        """Let it go on, and queue a portion of the jobs that were held back.

        Call it until none are left, and announce what each call gives. If the caller dies, the
        workers do the rest.

        Args:
            batch_id: the batch.
            is_first: whether this is the caller's first portion. A later one ends at once when
                somebody has paused the batch again meanwhile.

        Raises:
            BatchNotFound: no such batch.
        """
        await self._check(batch_id)
        left, was_paused, *rows = await self._store.run(RESUME(batch_id, PAGE, is_first))
        if left == _NONE:
            raise not_found(batch_id)
        announce = {Lane(lane.decode()): [each.decode() for each in ids] for lane, ids in rows}
        if was_paused:
            released = left + sum(map(len, announce.values()))
            self._events.tell(BatchResumed(batch_id=batch_id, released=released))
        return Released(announce, left)

    async def cancel(self, batch_id: str) -> bool:
        """Say that none of its jobs begins any more, and none is added; False if it was over.

        Then call `cancel_portion` until it says that it was the last. If the caller dies, the
        workers do the rest.

        Raises:
            BatchNotFound: no such batch.
        """
        await self._check(batch_id)
        answer, ended = await self._store.run(CANCEL_BATCH(batch_id))
        if answer == _NONE:
            raise not_found(batch_id)
        if answer:
            self._events.tell(BatchCancelled(batch_id=batch_id))
        tell_of_ended(self._events, ended)
        return bool(answer)

    async def cancel_portion(self, batch_id: str) -> Cancelled:
        """Cancel the next of its jobs that have not ended."""
        await self._check(batch_id)
        keep = self._retention
        ended_jobs, looked_at, ended = await self._store.run(
            CANCEL_JOBS(keep.result_ms, keep.dead_ms, batch_id, PAGE)
        )
        tell_of_ended(self._events, ended)
        return Cancelled(ended_jobs, looked_at < PAGE)

    async def note_retry(self, batch_id: str, retry: str) -> str:
        """Note the batch that will repeat its failed jobs; returns its id.

        That is an earlier one if there is one that is not sealed yet: its caller died.

        Raises:
            BatchNotFound: no such batch.
        """
        await self._check(batch_id)
        noted = await self._store.run(NOTE_RETRY(batch_id, retry))
        if noted is None:
            raise not_found(batch_id)
        return noted

    async def collected(self, batch_id: str, job_ids: Sequence[str]) -> None:
        """Note that the batch's reader has the results of these jobs.

        From now on these have their ordinary retention; the batch does not keep them any longer.
        """
        await self._check(batch_id)
        await self._store.run(
            COLLECTED(
                keep_result_ms=self._retention.result_ms,
                keep_dead_ms=self._retention.dead_ms,
                batch=batch_id,
                ids=tuple(job_ids),
            )
        )


_NONE: Final = -1
_CLOSED: Final = 2
_NO_WEBHOOK: Final = -2


def _fields(options: BatchOptions, retry_of: str | None) -> dict[str, Any]:
    """The fields of its record that its options give."""
    given = {
        "deadline": options.deadline_seconds and int(options.deadline_seconds * 1000),
        "expected": options.expected,
        "retry_of": retry_of,
        "metadata": _json(options.metadata),
        "details": _json(options.details),
        "callbacks": _json([each.model_dump(exclude_none=True) for each in options.callbacks]),
    }
    return {name: value for name, value in given.items() if value is not None}


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None
