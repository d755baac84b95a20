"""Sends the Celery tasks of users that wait to be told of an end."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Protocol

from rerankq.contract import TryOutcome
from rerankq.errors import LedgerUnavailable
from rerankq.events import CallbackDelivered, CallbackFailed, Events
from rerankq.ledger.outbox import Delivery, Kind, Outbox, Verdict

LOOK_SECONDS: Final = 1.0
LEASE_SECONDS: Final = 60.0
MOST_TOGETHER: Final = 20
OUTAGE_SECONDS: Final = 5.0


class Tasks(Protocol):
    """Sends tasks."""

    def send(
        self, task: str, queue: str | None, ended: str, *, task_id: str, traceparent: str | None
    ) -> None:
        """Send one; OSError when the broker does not take it."""


async def send_callbacks(outbox: Outbox, tasks: Tasks, events: Events) -> None:
    """Send what is due until cancelled. Any number of workers may do so at once.

    A task is noted as sent after it was sent: if the worker dies in between, it is sent again, with
    the same id.
    """
    while True:
        try:
            found = await outbox.take(
                Kind.CELERY, MOST_TOGETHER, at_once=MOST_TOGETHER, lease_seconds=LEASE_SECONDS
            )
            await _send(found, outbox, tasks, events)
        except LedgerUnavailable:
            # The other duties tell of it.
            await asyncio.sleep(OUTAGE_SECONDS)
        else:
            if not found:
                await asyncio.sleep(LOOK_SECONDS)


async def _send(found: Sequence[Delivery], outbox: Outbox, tasks: Tasks, events: Events) -> None:
    """Send them. Those that are left over are tried when their lease ends."""
    failed: set[str] = set()
    is_away = True
    for delivery in found:
        if delivery.target in failed:
            continue
        verdict = await _sent(tasks, delivery)
        await _note(outbox, delivery, verdict, events)
        if verdict.outcome is not TryOutcome.FAILED:
            is_away = False
            continue
        failed.add(delivery.target)
        if is_away and len(failed) > 1:
            return  # it is the broker, not one queue


async def _sent(tasks: Tasks, delivery: Delivery) -> Verdict:
    begun = time.monotonic()
    task, queue = delivery.task
    try:
        send = partial(tasks.send, task_id=delivery.event, traceparent=delivery.traceparent)
        await asyncio.to_thread(send, task, queue, delivery.id)
    except OSError as error:
        return Verdict(TryOutcome.FAILED, ms=_ms(begun), reason=str(error))
    return Verdict(TryOutcome.DELIVERED, ms=_ms(begun))


async def _note(outbox: Outbox, delivery: Delivery, verdict: Verdict, events: Events) -> None:
    again, _ = await outbox.done(delivery, verdict)
    task, queue = delivery.task
    tried: dict[str, Any] = {
        "task": task,
        "queue": queue,
        "event_id": delivery.event,
        "event_type": delivery.type,
        "traceparent": delivery.traceparent,
        "tries": delivery.attempt,
        "seconds": verdict.ms / 1000,
    }
    if verdict.outcome is TryOutcome.DELIVERED:
        events.tell(CallbackDelivered(**tried))
    else:
        events.tell(CallbackFailed(**tried, message=verdict.reason, delay_seconds=again))


def _ms(begun: float) -> int:
    return int((time.monotonic() - begun) * 1000)
