"""Retries while Redis does not answer, so that a short outage does not end a run of hours."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from rerankq.errors import LedgerUnavailable

T = TypeVar("T")

PATIENCE_SECONDS: Final = 60.0
ASK_SECONDS: Final = 0.5


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until Redis answers; `ask` must be safe to repeat.

    Raises:
        LedgerUnavailable: it has not answered for `PATIENCE_SECONDS`.
    """
    clock = asyncio.get_running_loop().time
    give_up = clock() + PATIENCE_SECONDS
    while True:
        try:
            return await ask()
        except LedgerUnavailable:
            if clock() > give_up:
                raise
            await asyncio.sleep(ASK_SECONDS)
