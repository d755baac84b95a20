"""Cancels tasks, and waits until they have ended."""

import asyncio
from typing import Any, Final

CANCEL_SECONDS: Final = 0.05


async def cancelled(*futures: asyncio.Future[Any]) -> None:
    """Cancel them, and wait until they have ended."""
    # Repeated: before Python 3.12, asyncio.wait_for, which redis uses, can swallow a cancellation,
    # and the task goes on.
    while left := [each for each in futures if not each.done()]:
        for each in left:
            each.cancel()
        await asyncio.wait(left, timeout=CANCEL_SECONDS)
    await asyncio.gather(*futures, return_exceptions=True)
