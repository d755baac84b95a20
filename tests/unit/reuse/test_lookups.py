"""Lookups: together, bounded, and never in a job's way."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from rerankq.score_cache.cache import MOST_AT_ONCE, Found
from rerankq.score_cache.stored_score import UNKNOWN
from rerankq_worker.reuse import lookups
from rerankq_worker.reuse.lookups import Lookups, Stored
from running.fake_score_cache import FakeScoreCache

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    async def timed() -> T:
        async with asyncio.timeout(10):
            return await coroutine

    return asyncio.run(timed())


def keys(first: int, count: int) -> list[bytes]:
    return [each.to_bytes(12) for each in range(first, first + count)]


def known(cache: FakeScoreCache, *numbers: int) -> None:
    cache.scores |= {each.to_bytes(12): each.to_bytes(12) for each in numbers}


def test_jobs_that_begin_together_share_a_call() -> None:
    """Each gets what is stored of its own pairs."""
    cache = FakeScoreCache()
    known(cache, 1, 12)

    async def asked() -> tuple[Stored, Stored]:
        some = Lookups(cache)
        return await asyncio.gather(some.find("a", keys(0, 3)), some.find("b", keys(11, 2)))

    first, second = run(asked())
    assert cache.calls == [5]
    assert [int.from_bytes(each) for each in first.scores] == [0, 1, 0]
    assert [int.from_bytes(each) for each in second.scores] == [0, 12]
    assert first.epoch == cache.epoch


def test_a_call_has_a_bounded_number_of_pairs() -> None:
    """A large job is looked up in several calls, and small ones do not make a call too large."""
    cache = FakeScoreCache()
    known(cache, 1, MOST_AT_ONCE, 2 * MOST_AT_ONCE + 1)

    async def asked() -> tuple[Stored, Stored]:
        some = Lookups(cache)
        large, small = keys(0, 2 * MOST_AT_ONCE + 2), keys(0, MOST_AT_ONCE - 1)
        return await asyncio.gather(some.find("a", large), some.find("a", small))

    large, _ = run(asked())
    assert len(large.scores) == len(large.keys) == 2 * MOST_AT_ONCE + 2
    assert [at for at, each in enumerate(large.scores) if any(each)] == [
        *(1, MOST_AT_ONCE, 2 * MOST_AT_ONCE + 1)
    ]
    assert max(cache.calls) <= MOST_AT_ONCE


def test_after_a_failure_nobody_asks_for_a_while() -> None:
    """A Redis that refuses makes nothing known, and later jobs do not wait for it."""
    cache = FakeScoreCache()
    cache.away = True

    async def asked() -> list[Stored]:
        known(cache, 0)
        some = Lookups(cache)
        first = await some.find("a", keys(0, 1))
        cache.away = False
        return [first, await some.find("a", keys(0, 1))]

    assert [any(map(any, each.scores)) or each.epoch for each in run(asked())] == [b"", b""]
    assert cache.calls == []


class Silent(FakeScoreCache):
    """Never answers."""

    async def find(self, sources: Any, wanted: bytes) -> Found:
        """Wait forever."""
        del sources, wanted
        await asyncio.Event().wait()
        raise AssertionError


def test_a_silent_redis_does_not_hold_jobs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time limit the job goes on."""
    monkeypatch.setattr(lookups, "LOOKUP_SECONDS", 0.01)
    assert run(Lookups(Silent()).find("a", keys(0, 1))).scores == [UNKNOWN]


def test_a_job_that_is_cancelled_leaves_the_others() -> None:
    """Those that share its call get their answers."""

    async def asked() -> Stored:
        some = Lookups(FakeScoreCache())
        gone = asyncio.create_task(some.find("a", keys(0, 1)))
        stays = asyncio.create_task(some.find("a", keys(1, 1)))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert run(asked()).epoch
