"""Work beside requests."""

import asyncio
from contextlib import nullcontext, suppress

from rerankq_gateway.duties import Duties, Duty


def test_a_duty_ends_though_a_cancellation_was_swallowed() -> None:
    """Before Python 3.12 redis-py can swallow one, and the gateway would live on after SIGTERM."""
    begun = 0

    async def step() -> None:
        nonlocal begun
        begun += 1
        with suppress(asyncio.CancelledError) if begun == 1 else nullcontext():
            await asyncio.sleep(60)

    async def served() -> None:
        async with asyncio.timeout(10), Duties([Duty("a duty", step, 0.0)]):
            await asyncio.sleep(0)

    asyncio.run(served())
    assert begun == 2
