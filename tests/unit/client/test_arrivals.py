"""Waiting for results: how often Redis is asked, how long it may be down, and timeouts."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any, cast

import pytest

from rerankq.client import arrivals, inquiries
from rerankq.errors import ClientClosed, InvalidRequest, LedgerUnavailable, ResultExpired
from rerankq.ledger.ends import End, Ended, RawEnd
from rerankq.ledger.records import Records
from rerankq.store.store import Store
from running.keys import KEYS

END = ResultExpired("gone")


class FakeSubscription:
    """A subscription that is confirmed at once, and told by `publish`."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self.told = told
        self.channels: set[str] = set()
        self.is_up = True

    def join(self, channels: Iterable[str]) -> None:
        """Subscribe."""
        for channel in channels:
            self.channels.add(channel)
            self.told(channel)

    def leave(self, channel: str) -> None:
        """Unsubscribe."""
        self.channels.discard(channel)

    async def close(self) -> None:
        """Do nothing."""


class FakeRedis:
    """A store and records at once: jobs end when the test says so, each result of one size."""

    def __init__(self, *, size: int = 0) -> None:
        self.keys = KEYS
        self.size = size
        self.over: set[str] = set()
        self.asked: list[int] = []
        self.read: list[int] = []
        self.away = False
        self.heard = FakeSubscription(lambda _: None)

    def subscription(self, told: Callable[[str], None]) -> FakeSubscription:
        """The only subscription."""
        self.heard = FakeSubscription(told)
        return self.heard

    async def subscribers(self, count: int) -> None:
        """Wait until there are `count` channels."""
        while len(self.heard.channels) < count:  # noqa: ASYNC110  within the time limit of `run`
            await asyncio.sleep(0)

    def finish(self, job_ids: Iterable[str]) -> None:
        """End jobs, and publish it."""
        for job_id in job_ids:
            self.over.add(job_id)
            if KEYS.result(job_id) in self.heard.channels:
                self.heard.told(KEYS.result(job_id))

    async def ended(self, job_ids: Sequence[str]) -> list[Ended]:
        """As `Records.ended`."""
        await self._answer()
        self.asked.append(len(job_ids))
        return [
            Ended(each, None if self.size else RawEnd(each, None, END), self.size)
            for each in job_ids
            if each in self.over
        ]

    async def results(self, job_ids: Sequence[str]) -> list[RawEnd]:
        """As `Records.results`."""
        await self._answer()
        self.read.append(len(job_ids))
        return [RawEnd(each, None, END) for each in job_ids]

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise LedgerUnavailable("away")

    def arrivals(self) -> arrivals.Arrivals:
        """The object under test."""
        return arrivals.Arrivals(cast("Store", self), cast("Records", self))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inquiries, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(inquiries, "ASK_SECONDS", 0.01)


def ids(count: int) -> list[str]:
    return [f"job-{number}" for number in range(count)]


def run(use: Callable[[], Any]) -> Any:
    return asyncio.run(asyncio.wait_for(use(), 30))


async def drawn(stream: AsyncGenerator[tuple[str, End], None], count: int) -> list[str]:
    return [(await anext(stream))[0] for _ in range(count)]


def test_an_answer_restores_the_patience() -> None:
    """A Redis that answers between two failures is not down, even if no job ends for a while."""

    async def use() -> None:
        redis = FakeRedis()
        waiting = asyncio.create_task(redis.arrivals().end("a"))
        for _ in range(8):
            redis.away = not redis.away
            await asyncio.sleep(0.05)
        assert not waiting.done()
        redis.away = False
        redis.finish("a")
        assert await waiting is END

    run(use)


def test_a_redis_that_stays_away_ends_the_wait() -> None:
    """A Redis that gives no answer for the whole time of patience ends every wait."""

    async def use() -> None:
        redis = FakeRedis()
        redis.away = True
        waits = redis.arrivals()
        ends = await asyncio.gather(*map(waits.end, ids(50)), return_exceptions=True)
        assert {str(each) for each in ends} == {"away"}
        assert len(set(map(id, ends))) == 50

    run(use)


def test_many_waits_are_asked_about_together() -> None:
    """Ten thousand waits need few questions, and no wait is told of another's job."""

    async def use() -> None:
        redis = FakeRedis(size=1000)
        waits = redis.arrivals()
        waiting = [asyncio.create_task(waits.end(each)) for each in ids(10_000)]
        await redis.subscribers(10_000)
        redis.finish(ids(10_000))
        assert set(await asyncio.gather(*waiting)) == {END}
        assert max(redis.asked) == inquiries.PAGE
        assert sum(redis.asked) < 10 * 10_000
        assert max(redis.read) == inquiries.READ_JOBS
        assert len(redis.read) < 10_000 / inquiries.READ_JOBS * 2
        assert not redis.heard.channels

    run(use)


@pytest.mark.parametrize("waits_alone", [True, False])
def test_large_results_are_read_one_after_the_other(*, waits_alone: bool) -> None:
    """Large results are read up to the bound at once, and no further ahead."""

    async def use() -> None:
        redis = FakeRedis(size=inquiries.READ_BYTES // 3)
        waits = redis.arrivals()
        redis.over = set(ids(20))
        if waits_alone:
            await asyncio.gather(*map(waits.end, ids(20)))
            assert sum(redis.read) == 20
        else:
            async with aclosing(waits.ends(ids(20))) as ends:
                await drawn(ends, 1)
                assert sum(redis.read) == 3
                assert len(await drawn(ends, 19)) == 19
        assert max(redis.read) == 3

    run(use)


@pytest.mark.parametrize("timeout", [0, -1, -math.inf, 1e-9])
def test_a_timeout_of_0_gives_the_jobs_that_have_ended(timeout: float) -> None:
    """With a timeout of 0, all jobs that have ended are given, then the wait times out."""

    async def use() -> None:
        redis = FakeRedis(size=1000)
        redis.over = set(ids(1200))
        waits = redis.arrivals()
        assert await waits.end("job-7", timeout=timeout) is END
        with pytest.raises(TimeoutError):
            await waits.end("open", timeout=timeout)
        async with aclosing(waits.ends(["open", *ids(1200)], timeout=timeout)) as ends:
            assert sorted(await drawn(ends, 1200)) == sorted(ids(1200))
            with pytest.raises(TimeoutError):
                await anext(ends)

    run(use)


@pytest.mark.parametrize("timeout", [math.inf, 1e300, 10**30, None])
def test_endless_time_is_no_limit(timeout: float | None) -> None:
    """A very long timeout counts as none."""

    async def use() -> None:
        redis = FakeRedis()
        waiting = asyncio.create_task(redis.arrivals().end("a", timeout=timeout))
        await redis.subscribers(1)
        redis.finish("a")
        assert await waiting is END

    run(use)


@pytest.mark.parametrize("timeout", [math.nan, "5", object(), 1j])
def test_a_timeout_that_is_no_number_is_refused(timeout: Any) -> None:
    """A timeout that is not a number is a bad request, and nothing waits."""

    async def use() -> None:
        with pytest.raises(InvalidRequest, match=r"^timeout: must be a number of seconds"):
            await FakeRedis().arrivals().end("a", timeout=timeout)

    run(use)


def test_a_silent_redis_does_not_lengthen_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait ends soon after its timeout, even if Redis does not answer."""
    monkeypatch.setattr(arrivals, "LAST_LOOK_SECONDS", 0.05)

    async def use() -> None:
        redis = FakeRedis()
        redis.away = True
        with pytest.raises(TimeoutError):
            await redis.arrivals().end("a", timeout=0)

    run(use)


def test_waits_for_one_job_share_its_end() -> None:
    """Several waits for one job all get its end, also when one of them gives up."""

    async def use() -> None:
        redis = FakeRedis()
        waits = redis.arrivals()
        waiting = [asyncio.create_task(waits.end("a")) for _ in range(3)]
        await redis.subscribers(1)
        waiting.pop().cancel()
        redis.finish("a")
        assert await asyncio.gather(*waiting) == [END, END]

    run(use)


def test_closing_ends_every_wait() -> None:
    """Closing ends all waits, each with an error that says why."""

    async def use() -> None:
        redis = FakeRedis()
        waits = redis.arrivals()
        waiting = [asyncio.create_task(waits.end(each)) for each in ids(10)]
        await redis.subscribers(10)
        await waits.close()
        for each in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(each, ClientClosed)

    run(use)
