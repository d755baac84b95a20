"""Writes of new scores: together, bounded, and dropped when Redis does not take them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from rerankq.score_cache.cache import MOST_AT_ONCE
from rerankq_worker.reuse import writer
from rerankq_worker.reuse.writer import MOST_WAITING, ScoreWriter
from running.fake_score_cache import FakeScoreCache


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATHER_SECONDS", "PAUSE_SECONDS", "TEND_SECONDS"):
        monkeypatch.setattr(writer, name, 0.001)


def entries(first: int, count: int) -> list[bytes]:
    return [each.to_bytes(12) + bytes(12) for each in range(first, first + count)]


def written(cache: FakeScoreCache, act: Callable[[ScoreWriter], None], until: int) -> None:
    """Run a writer until that many scores are stored."""

    async def run() -> None:
        some = ScoreWriter(cache)
        act(some)
        duty = asyncio.create_task(some.run())
        async with asyncio.timeout(10):
            while len(cache.scores) < until:  # noqa: ASYNC110  the fake tells nobody
                await asyncio.sleep(0)
        duty.cancel()
        with suppress(asyncio.CancelledError):
            await duty

    asyncio.run(run())


def test_scores_of_many_jobs_are_written_together() -> None:
    """As many in one call as it may have."""
    cache = FakeScoreCache()

    def act(some: ScoreWriter) -> None:
        for first in range(0, 2 * MOST_AT_ONCE, 10):
            some.put(entries(first, 10))

    written(cache, act, until=2 * MOST_AT_ONCE)
    assert cache.kept == 2


def test_what_redis_does_not_take_is_dropped() -> None:
    """While Redis is full or away, scores are dropped; later ones are stored."""
    for state in ("is_full", "away"):
        cache = FakeScoreCache()
        setattr(cache, state, True)

        async def run(cache: FakeScoreCache = cache, state: str = state) -> None:
            some = ScoreWriter(cache)
            some.put(entries(0, 5))
            duty = asyncio.create_task(some.run())
            async with asyncio.timeout(10):
                while some.waiting:  # noqa: ASYNC110  nobody is told
                    await asyncio.sleep(0)
                setattr(cache, state, False)
                some.put(entries(5, 5))
                while len(cache.scores) < 5:  # noqa: ASYNC110  the fake tells nobody
                    await asyncio.sleep(0)
            duty.cancel()

        asyncio.run(run())
        assert len(cache.scores) == 5


def test_no_more_wait_than_a_bound() -> None:
    """What comes while too many wait is dropped."""
    some = ScoreWriter(FakeScoreCache())
    some.put(entries(0, MOST_WAITING))
    some.put(entries(MOST_WAITING, 1))
    assert some.waiting == MOST_WAITING


def test_the_rest_is_written_at_the_end() -> None:
    """A worker that ends writes what waits, if Redis takes it."""
    cache = FakeScoreCache()
    some = ScoreWriter(cache)
    some.put(entries(0, MOST_AT_ONCE + 1))
    asyncio.run(some.leave())
    assert len(cache.scores) == MOST_AT_ONCE + 1
