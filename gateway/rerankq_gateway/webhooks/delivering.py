"""The duty that takes deliveries from the outbox and sends them."""

import asyncio
import time
from collections import Counter
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from rerankq.client.webhooks import Delivery, Kind, Outbox, Verdict
from rerankq.contract import Disabled, TryOutcome
from rerankq.errors import LedgerUnavailable
from rerankq.events import Events, WebhookDelivered, WebhookDisabled, WebhookFailed
from rerankq_gateway.webhooks.sender import CALL_SECONDS, Sender

MOST_TOGETHER: Final = 128
MOST_OF_A_PORTION: Final = 16
"""So many are taken at once."""
MOST_OF_A_TENANT: Final = MOST_TOGETHER // 2
"""Calls for one tenant begin while it has fewer than that: it may have many slow webhooks."""
MOST_OF_A_WEBHOOK: Final = 8
"""Calls of one webhook at once, by all gateways together."""
LEASE_SECONDS: Final = 60.0
"""Longer than a call may take (`sender.CALL_SECONDS`): so none is made twice at once."""
NOTE_SECONDS: Final = LEASE_SECONDS - CALL_SECONDS - 5.0
"""For so long it is tried to note a call; later the delivery may be another's already."""
NOTE_PAUSE_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 1.0


class Delivering:
    """Sends what is due. A slow receiver holds up no other.

    Args:
        outbox: where deliveries wait.
        sender: makes the calls; entered while this works.
        stopping: set when no more are to be taken.
        events: told what became of each call.
    """

    def __init__(
        self, outbox: Outbox, sender: Sender, stopping: asyncio.Event, events: Events
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self._stopping = stopping
        self._events = events
        self._calls: set[asyncio.Task[None]] = set()
        self._by_tenant: Counter[str | None] = Counter()

    async def step(self) -> None:
        """Send until the process stops, or until Redis cannot be used.

        A call that is cancelled is made again when its lease ends.
        """
        async with self._sender:
            try:
                while not self._stopping.is_set():
                    if not await self._take():
                        await self._pause()
                await self._ended()
            except LedgerUnavailable:
                # What has begun is finished and noted, or its receivers would get it twice.
                await self._ended()
                raise
            finally:
                for call in self._calls:
                    call.cancel()
                await asyncio.gather(*self._calls, return_exceptions=True)

    async def _pause(self) -> None:
        """Wait until it is worth to look again: a call that ends makes room for one more."""
        if self._calls:
            await asyncio.wait(
                self._calls, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        else:
            await asyncio.sleep(LOOK_SECONDS)

    async def _ended(self) -> None:
        if self._calls:
            await asyncio.wait(self._calls)

    async def _take(self) -> bool:
        """Begin the calls that are due and that there is room for; whether there were any."""
        room = MOST_TOGETHER - len(self._calls)
        if not room:
            await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
            return True
        calls = self._by_tenant
        found = await self._outbox.take(
            Kind.HTTP,
            # So that one portion is not all of one tenant's.
            min(room, MOST_OF_A_PORTION),
            at_once=MOST_OF_A_WEBHOOK,
            lease_seconds=LEASE_SECONDS,
            busy=[tenant for tenant, count in calls.items() if count >= MOST_OF_A_TENANT],
        )
        for delivery in found:
            call = asyncio.create_task(self._deliver(delivery))
            self._calls.add(call)
            calls[delivery.tenant] += 1
            call.add_done_callback(partial(self._call_ended, delivery.tenant))
        return bool(found)

    def _call_ended(self, tenant: str | None, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._by_tenant[tenant] -= 1
        if not self._by_tenant[tenant]:
            del self._by_tenant[tenant]

    async def _deliver(self, delivery: Delivery) -> None:
        verdict = await self._sender.send(delivery)
        noted = await self._noted(delivery, verdict)
        if noted:
            again, disabled = noted
            self._tell(delivery, verdict, again, disabled)

    async def _noted(
        self, delivery: Delivery, verdict: Verdict
    ) -> tuple[float | None, str | None] | None:
        """What `Outbox.done` says; None if Redis takes no note: then it is sent again."""
        until = time.monotonic() + NOTE_SECONDS
        while True:
            try:
                return await self._outbox.done(delivery, verdict)
            except LedgerUnavailable:
                if self._stopping.is_set() or time.monotonic() > until:
                    return None
            await asyncio.sleep(NOTE_PAUSE_SECONDS)

    def _tell(
        self, delivery: Delivery, verdict: Verdict, again: float | None, disabled: str | None
    ) -> None:
        about: dict[str, Any] = {
            "webhook_id": delivery.target,
            # Its path and its query may hold a secret of the receiver's.
            "host": urlsplit(delivery.url).hostname or "",
            "event_id": delivery.event,
            "tries": delivery.attempt,
            "status": verdict.status,
        }
        tried: dict[str, Any] = about | {
            "event_type": delivery.type,
            "traceparent": delivery.traceparent,
            "seconds": verdict.ms / 1000,
        }
        if verdict.outcome is TryOutcome.DELIVERED:
            self._events.tell(WebhookDelivered(**tried))
            return
        self._events.tell(WebhookFailed(**tried, message=verdict.reason, delay_seconds=again))
        if disabled:
            self._events.tell(WebhookDisabled(**about, reason=Disabled(disabled)))
