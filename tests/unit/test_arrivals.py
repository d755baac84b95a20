"""How long a wait for results bears a Redis that is away."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from rerankq.client import arrivals
from rerankq.errors import LedgerUnavailable, ResultExpired
from rerankq.ledger.records import End, Records
from rerankq.ledger.store import Store

END = ResultExpired("gone")


class BreakingStore:
    """A Redis that takes subscriptions, and then breaks the connection."""

    @asynccontextmanager
    async def subscription(self) -> AsyncIterator["BreakingStore"]:
        """Itself."""
        yield self

    async def listen(self, channels: Iterable[str]) -> None:
        """Take any."""

    async def told(self, _seconds: float, **_most: int) -> list[str]:
        """Break."""
        raise LedgerUnavailable("broken")


class AnswersInBetween:
    """Answers each question with nothing, until `seconds` have passed; never when they are None."""

    def __init__(self, seconds: float | None) -> None:
        self._clock = asyncio.get_running_loop().time
        self._until = None if seconds is None else self._clock() + seconds

    async def ends(self, job_ids: list[str]) -> list[tuple[str, End]]:
        """The end, once it is time."""
        if self._until is None:
            raise LedgerUnavailable("away")
        return [(each, END) for each in job_ids] if self._clock() > self._until else []


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(arrivals, "ASK_SECONDS", 0.01)


async def waited(seconds: float | None) -> list[tuple[str, End]]:
    store, records = BreakingStore(), AnswersInBetween(seconds)
    waiting = arrivals.Arrivals(cast("Store", store), cast("Records", records))
    return [each async for each in waiting.ends(["a"])]


def test_an_answer_restores_the_patience() -> None:
    """A Redis that answers between two failures is not away, though no job ends for long."""
    assert asyncio.run(waited(0.4)) == [("a", END)]


def test_a_redis_that_stays_away_ends_the_wait() -> None:
    """A Redis that answers nothing without a break for the time of patience ends the wait."""
    with pytest.raises(LedgerUnavailable, match="away"):
        asyncio.run(asyncio.wait_for(waited(None), 20))
