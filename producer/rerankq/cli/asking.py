"""One question to the ledger, from a command that has no event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rerankq.cli.settings import load
from rerankq.client import AsyncRerankClient

T = TypeVar("T")


def ask(question: Callable[[AsyncRerankClient], Awaitable[T]]) -> T:
    """Open a client, ask, close it.

    Raises:
        RerankqError: the settings are wrong, or whatever the question raises.
    """
    settings = load()

    async def asked() -> T:
        async with AsyncRerankClient(settings=settings) as client:
            return await question(client)

    return asyncio.run(asked())
