"""The list of workers that kombu keeps for remote control, and from which no killed one is taken.

Nobody reads it: a question to all workers goes out on a channel that each has subscribed to. kombu
5.7 holds that such a list may be gone at any time, and has each consumer put itself back into it
every twenty minutes and after each connection. So the list may be emptied whole, which needs no
guess at who is dead: a name tells a process and a host, and both come again.
"""

import asyncio
from contextlib import suppress
from typing import Final

from rerankq.broker.names import MAILBOX_EXCHANGE
from rerankq.errors import LedgerUnavailable
from rerankq.store.store import Store

ANSWER_SECONDS: Final = 5.0
"""Housekeeping is worth no more waiting than this."""


async def forget_mailboxes(store: Store) -> None:
    """Empty the list, so that it never holds more than came since the last worker's start."""
    with suppress(LedgerUnavailable, TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            await store.command("DEL", store.keys.binding(MAILBOX_EXCHANGE))
