"""How a batch goes on, as server-sent events."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

import orjson
from sse_starlette import EventSourceResponse, ServerSentEvent

from rerankq.client import AsyncBatch
from rerankq.contract import BatchStatus
from rerankq_gateway.batches.openai import batch_object

EVERY_SECONDS: Final = 1.0
PING_SECONDS: Final = 15
_RETRY_MS: Final = 2000


def events(batch: AsyncBatch, last_id: str) -> EventSourceResponse:
    """The batch now, and each time that it has changed, until it has ended.

    The id of an event names its counts. So a reader that comes back with the last id is told
    nothing that it knows, and misses nothing: each event has all that is known.

    Args:
        batch: the batch.
        last_id: the id of the last event that the reader has seen; empty for none.
    """
    return EventSourceResponse(_changes(batch, last_id), ping=PING_SECONDS)


async def _changes(batch: AsyncBatch, last_id: str) -> AsyncIterator[ServerSentEvent]:
    seen = last_id
    async with aclosing(batch.watch(every=EVERY_SECONDS)) as found:
        async for status in found:
            if (name := event_id(status)) != seen or status.state.ended:
                seen = name
                yield _event(status, name)


def event_id(status: BatchStatus) -> str:
    """The id of the event that tells this: equal for two that tell the same."""
    live = (status.queued, status.running, status.scheduled, status.held)
    ends = (status.succeeded, status.failed, status.cancelled, status.expired)
    counts = (status.total, status.rejected, status.existing, *live, *ends)
    waits = ",".join(each.code for each in status.waits)
    return f"{status.state.value}.{'.'.join(map(str, counts))}.{waits}"


def _event(status: BatchStatus, name: str) -> ServerSentEvent:
    return ServerSentEvent(
        data=orjson.dumps(batch_object(status)).decode(),
        event="ended" if status.state.ended else "status",
        id=name,
        retry=_RETRY_MS,
    )
