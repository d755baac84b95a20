"""The duty that takes deliveries from the outbox and sends them."""

import asyncio
import logging
from typing import Final
from urllib.parse import urlsplit

from rerankq.client.webhooks import Delivery, Kind, Outbox
from rerankq.contract import TryOutcome
from rerankq.errors import LedgerUnavailable
from rerankq_gateway.webhooks.sender import Sender

log = logging.getLogger(__name__)

MOST_TOGETHER: Final = 32
LEASE_SECONDS: Final = 60.0
"""Longer than a call may take (`sender.CALL_SECONDS`): so none is made twice at once."""
LOOK_SECONDS: Final = 1.0


class Delivering:
    """Sends what is due. A slow receiver holds up no other.

    Args:
        outbox: where deliveries wait.
        sender: makes the calls; entered while this works.
        stopping: set when no more are to be taken.
    """

    def __init__(self, outbox: Outbox, sender: Sender, stopping: asyncio.Event) -> None:
        self._outbox = outbox
        self._sender = sender
        self._stopping = stopping
        self._calls: set[asyncio.Task[None]] = set()

    async def step(self) -> None:
        """Send until the process stops, or until Redis cannot be used.

        A call that is cancelled is made again when its lease ends.
        """
        async with self._sender:
            try:
                while not self._stopping.is_set():
                    if not await self._take():
                        await asyncio.sleep(LOOK_SECONDS)
                if self._calls:
                    await asyncio.wait(self._calls)
            finally:
                for call in self._calls:
                    call.cancel()
                await asyncio.gather(*self._calls, return_exceptions=True)

    async def _take(self) -> bool:
        """Begin the calls that are due and that there is room for; whether there were any."""
        room = MOST_TOGETHER - len(self._calls)
        if not room:
            await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
            return True
        found = await self._outbox.take(Kind.HTTP, room, lease_seconds=LEASE_SECONDS)
        for delivery in found:
            call = asyncio.create_task(self._deliver(delivery))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        return bool(found)

    async def _deliver(self, delivery: Delivery) -> None:
        verdict = await self._sender.send(delivery)
        try:
            again, disabled = await self._outbox.done(delivery, verdict)
        except LedgerUnavailable:
            return  # it is sent again when its lease ends
        if verdict.outcome is TryOutcome.DELIVERED:
            return
        # Its path and its query may hold a secret of the receiver's.
        host = urlsplit(delivery.url).hostname
        log.warning(
            "webhook %s (%s): %s of %s, try %d: %s; %s",
            *(delivery.target, host, delivery.type, delivery.event, delivery.attempt),
            verdict.reason,
            "given up" if again is None else f"next try in {again:.0f} s",
        )
        if disabled:
            log.warning(
                "webhook %s (%s) is disabled, because it %s: see `rerankq webhook enable`",
                *(delivery.target, host),
                "wants no more calls" if disabled == "gone" else "has failed for a day",
            )
