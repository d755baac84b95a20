"""The list of workers that kombu keeps for remote control. Killed workers are never taken off it.

Nothing reads it: a question to all workers is published on a channel that each has subscribed to.
kombu 5.7 works without the list: each consumer adds itself again every twenty minutes and after
each connection. So the whole list is deleted. Which workers are dead could only be guessed: a name
is made of a process id and a host, and both can come again.
"""

import asyncio
from contextlib import suppress
from typing import Final

from rerankq.broker.names import MAILBOX_EXCHANGE
from rerankq.errors import LedgerUnavailable
from rerankq.store.store import Store

ANSWER_SECONDS: Final = 5.0
"""How long it waits for Redis."""


async def forget_pidboxes(store: Store) -> None:
    """Delete the list; workers that run add themselves again."""
    with suppress(LedgerUnavailable, TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            await store.command("DEL", store.keys.binding(MAILBOX_EXCHANGE))
