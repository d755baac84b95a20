"""The reconciler's loop: jobs that a tick has queued again are always announced."""

import asyncio
from collections.abc import Sequence

import pytest

from rerankq.broker.announce import Announcer
from rerankq.contract import Lane
from rerankq.ledger.sweep import Sweep
from rerankq_worker.jobs.reconciler import reconcile


class HeldUpSweep(Sweep):
    """Has queued jobs again, but its answer comes late."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def tick(self) -> dict[Lane, list[str]]:
        """Two jobs, when the test lets it."""
        self.asked.set()
        await self.answers.wait()
        return {Lane.BULK: ["a", "b"]}


class NotedAnnouncer(Announcer):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.announced: list[str] = []

    def announce(
        self,
        lane: Lane,
        job_ids: Sequence[str],
        *,
        sizes: Sequence[int] = (),
        again: bool = False,
        interactive_together: int = 1,
        traceparent: str | None = None,
    ) -> bool:
        """Keep the jobs."""
        assert again
        del sizes, interactive_together, traceparent
        self.announced += [f"{lane} {each}" for each in job_ids]
        return True


def test_the_last_tick_is_announced() -> None:
    """A worker that is cancelled twice during a tick still announces the jobs of that tick."""

    async def ended() -> list[str]:
        sweep, announcer = HeldUpSweep(), NotedAnnouncer()
        duty = asyncio.create_task(reconcile(sweep, announcer))
        await sweep.asked.wait()
        for _ in range(2):
            duty.cancel()
            await asyncio.wait({duty}, timeout=0.01)
        assert not duty.done()
        sweep.answers.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(duty, 10)
        return announcer.announced

    assert asyncio.run(ended()) == ["bulk a", "bulk b"]
