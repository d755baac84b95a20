"""Announces again what fell on the floor: expired leases, due retries, lost hints."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from rerankq.broker.announce import Announcer
from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, JobsRequeued, LedgerCallFailed, LedgerOperation
from rerankq.ledger.sweep import SWEEP_SECONDS, Sweep

LAST_TICK_SECONDS: Final = 2.0
"""How long the end of a worker waits for a Redis that does not answer."""


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
            # A hint that cannot be published now is found missing by a later sweep.
            await asyncio.to_thread(announcer.announce, lane, job_ids, again=True)
    except LedgerUnavailable as error:
        events.tell(LedgerCallFailed(operation=LedgerOperation.SWEEP, message=str(error)))


async def _ended(tick: "asyncio.Task[None]") -> None:
    """Wait for a tick, however often that is cancelled.

    What it has queued again has to be announced too: else nobody hears of it until its hint counts
    as lost, and among it are the jobs that this very worker hands back.
    """
    until = time.monotonic() + LAST_TICK_SECONDS
    while not tick.done() and (left := until - time.monotonic()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait({tick}, timeout=left)
    tick.cancel()
