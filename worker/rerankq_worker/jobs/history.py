"""What the history is told of calls, and the packing of ends into it while a worker runs."""

import asyncio

from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, LedgerCallFailed, LedgerOperation
from rerankq.history.packing import PACK_SECONDS, Packing
from rerankq.history.rows import call_text
from rerankq.store.store import Store
from rerankq_worker.jobs.rerank import Failed, Succeeded
from rerankq_worker.settings import WorkerSettings


async def keep_history(store: Store, settings: WorkerSettings, events: Events) -> None:
    """Pack until cancelled. Any number of workers may do so: one does at a time.

    What is not packed, as Redis is away or the worker ends, another packs later.
    """
    most, kept = settings.history_bytes, settings.history_ttl
    packing = Packing(store, ttl_seconds=kept, most_bytes=most)
    while True:
        try:
            await packing.tick()
        except LedgerUnavailable as error:
            failed = LedgerOperation.PACK_HISTORY
            events.tell(LedgerCallFailed(operation=failed, message=str(error)))
        await asyncio.sleep(PACK_SECONDS)


def call_of(outcome: Succeeded | Failed) -> str:
    """What the history tells of the call that a job ended with; empty when there was none."""
    if isinstance(outcome, Succeeded):
        if not outcome.measures.call_seconds:
            return ""
        seconds, request_id = outcome.measures.call_seconds, outcome.answer.request_id
        return call_text(seconds, outcome.tokens, 200, request_id)
    end = outcome.end
    if end.status is None and end.request_id is None:
        return ""
    return call_text(0, 0, end.status, end.request_id)
