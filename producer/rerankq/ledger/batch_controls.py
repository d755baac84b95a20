"""Pauses, resumes and cancels batches."""

from typing import Final, NamedTuple

from rerankq.contract import Lane
from rerankq.errors import BatchClosed
from rerankq.events import BatchCancelled, BatchPaused, BatchResumed, Events
from rerankq.ledger.batch_ends import tell_of_ended
from rerankq.ledger.batch_readings import PAGE, BatchReadings, not_found
from rerankq.ledger.batch_scripts import CANCEL_BATCH, CANCEL_JOBS, PAUSE, RESUME
from rerankq.ledger.ownership import Ownership
from rerankq.store.store import Retention, Store

_NONE: Final = -1
_CLOSED: Final = 2


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


class BatchControls(BatchReadings):
    """Says whether and when jobs of a batch begin. See `Batches` for the arguments."""

    def __init__(
        self,
        store: Store,
        retention: Retention,
        *,
        kept_seconds: float,
        events: Events,
        ownership: Ownership,
    ) -> None:
        super().__init__(store, kept_seconds=kept_seconds, ownership=ownership)
        self._retention = retention
        self._events = events

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
