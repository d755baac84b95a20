"""Runs one call of the client, for commands without an event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rerankq.cli.settings import load
from rerankq.client import AsyncRerankClient

T = TypeVar("T")


def ask(question: Callable[[AsyncRerankClient], Awaitable[T]]) -> T:
    """Open a client, run the question, and close the client.

    Raises:
        RerankqError: the settings are wrong, or the question raises it.
    """
    settings = load()

    async def asked() -> T:
        async with AsyncRerankClient(settings=settings) as client:
            return await question(client)

    return asyncio.run(asked())
