"""Tells of workers whose version knows nothing of webhooks and callbacks."""

import asyncio
from contextlib import suppress
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, WorkerOutdated
from rerankq.ledger.callback_workers import CallbackWorkers

SOON_SECONDS: Final = 5.0
"""From the look that sees one to the next, which makes sure."""
LOOK_SECONDS: Final = 60.0
"""From each look to the next: each reads the names of all workers."""
MOST_TOLD: Final = 1000


async def watch_versions(workers: CallbackWorkers, worker: str, events: Events) -> None:
    """Say of this worker that it knows of them, and look for others, until cancelled.

    Args:
        workers: of this ledger.
        worker: this one's name in the ledger.
        events: told of each that does not, once.
    """
    seen: set[str] = set()
    told: set[str] = set()
    while True:
        with suppress(LedgerUnavailable):
            await workers.note(worker)
            outdated = set(await workers.outdated())
            # Seen twice, because one that has just started may not have said so yet.
            for each in sorted(outdated & seen - told)[: MOST_TOLD - len(told)]:
                told.add(each)
                if WorkerOutdated in events.wanted:
                    events.tell(WorkerOutdated(worker=each))
            seen = outdated
        await asyncio.sleep(SOON_SECONDS if seen - told else LOOK_SECONDS)
