import asyncio

from rerankq_worker.process.duties import in_background
from running.counted_restart import CountedRestart


def test_a_duty_that_fails_restarts_the_worker() -> None:
    """If a background task fails, the worker restarts."""
    restart = CountedRestart()

    async def failing() -> None:
        raise RuntimeError("CANARY")

    async def scenario() -> None:
        async with in_background(restart, failing()):
            for _ in range(3):
                await asyncio.sleep(0)

    asyncio.run(scenario())
    assert len(restart.reasons) == 1
    assert "RuntimeError" in restart.reasons[0]
    assert "CANARY" not in restart.reasons[0]


def test_a_duty_that_is_cancelled_restarts_nothing() -> None:
    """Background tasks end with their block, which is no failure."""
    restart = CountedRestart()

    async def lasting() -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        async with in_background(restart, lasting()):
            await asyncio.sleep(0)

    asyncio.run(scenario())
    assert restart.reasons == []
