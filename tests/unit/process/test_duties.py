import asyncio

from rerankq_worker.process.duties import in_background
from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.restart import Restart


class CountedRestart(Restart):
    """Keeps the reasons, and restarts nothing."""

    def __init__(self) -> None:
        async def nothing() -> None:
            """There is nothing to drain, nor to write."""

        super().__init__(Heartbeats(), drain=nothing, write_out=nothing)
        self.reasons: list[str] = []

    async def in_order(self, reason: str) -> None:
        """Keep the reason."""
        self.reasons.append(reason)


def test_a_duty_that_ends_unasked_is_missed() -> None:
    """A background duty that fails is no silent loss: the worker is started anew."""
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


def test_a_duty_that_is_called_off_is_not_missed() -> None:
    """Duties end with the block they run beside, and that is no failure."""
    restart = CountedRestart()

    async def lasting() -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        async with in_background(restart, lasting()):
            await asyncio.sleep(0)

    asyncio.run(scenario())
    assert restart.reasons == []
