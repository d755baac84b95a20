"""Announces jobs again whose lease expired, whose retry is due, or whose hint was lost."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from rerankq.broker.announce import Announcer
from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, JobsRequeued, LedgerCallFailed, LedgerOperation
from rerankq.ledger.sweep import SWEEP_SECONDS, Sweep

LAST_TICK_SECONDS: Final = 2.0
"""How long a worker that shuts down waits for Redis here if it does not answer."""


async def reconcile(sweep: Sweep, announcer: Announcer, events: Events | None = None) -> None:
    """Sweep until cancelled. Any number of workers may do so at once."""
    events = events or Events()
    while True:
        tick = asyncio.create_task(_tick(sweep, announcer, events))
        try:
            await asyncio.shield(tick)
        except asyncio.CancelledError:
            await _ended(tick)
            raise
        await asyncio.sleep(SWEEP_SECONDS)


async def _tick(sweep: Sweep, announcer: Announcer, events: Events) -> None:
    try:
        for lane, job_ids in (await sweep.tick()).items():
            events.tell(JobsRequeued(lane=lane, count=len(job_ids)))
            # If this hint cannot be published, a later sweep finds that it is missing.
            await asyncio.to_thread(announcer.announce, lane, job_ids, again=True)
    except LedgerUnavailable as error:
        events.tell(LedgerCallFailed(operation=LedgerOperation.SWEEP, message=str(error)))


async def _ended(tick: "asyncio.Task[None]") -> None:
    """Wait for a tick to end, however often this wait is cancelled.

    The jobs that the tick has queued again must be announced too, among them those that this worker
    gave back. Otherwise they wait until their hints count as lost.
    """
    until = time.monotonic() + LAST_TICK_SECONDS
    while not tick.done() and (left := until - time.monotonic()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait({tick}, timeout=left)
    tick.cancel()
