"""Scores of pairs in a real Redis: found, bounded, forgotten, and harmless when damaged."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from hashlib import blake2b
from typing import TypeVar

import pytest
from redis import Redis

from rerankq.errors import LedgerUnavailable
from rerankq.score_cache.cache import (
    BYTES_A_PAIR,
    GENERATIONS,
    CacheLimits,
    ScoreCache,
    forget_scores,
)
from rerankq.score_cache.stored_score import entries, score_of
from rerankq.store.store import Store
from running.redis_server import RedisServer
from running.waiting import eventually

T = TypeVar("T")
HOUR = 3600.0
SOURCE = "5f0e5f0e5f0e5f0e"


class Cache:
    """The cache of one source, with blocking calls."""

    def __init__(self, url: str, *, ttl_seconds: float = HOUR, most_pairs: int = 10_000) -> None:
        most_bytes = most_pairs * GENERATIONS * BYTES_A_PAIR
        self.url, self.limits = url, CacheLimits(ttl_seconds, most_bytes)

    def run(self, ask: Callable[[Store], Awaitable[T]]) -> T:
        """Make calls with a store of their own."""

        async def asked() -> T:
            async with Store(self.url) as store:
                return await ask(store)

        return asyncio.run(asked())

    def put(self, *numbers: int) -> tuple[int, bool]:
        """Store the scores of some pairs; returns how many were new, and whether Redis is full."""

        async def kept(store: Store) -> tuple[int, bool]:
            cache = ScoreCache(store, self.limits)
            epoch = (await cache.find([SOURCE], b"")).epochs[0]
            return await cache.keep(
                entries({key_of(each): score_for(each) for each in numbers}, epoch)
            )

        return self.run(kept)

    def known(self, *numbers: int) -> list[float | None]:
        """The scores of some pairs."""

        async def found(store: Store) -> list[float | None]:
            keys = [key_of(each) for each in numbers]
            told = await ScoreCache(store, self.limits).find([SOURCE], b"".join(keys))
            epoch = told.epochs[0]
            return [score_of(key, each, epoch) for key, each in zip(keys, told.scores, strict=True)]

        return self.run(found)


def key_of(number: int) -> bytes:
    return blake2b(str(number).encode(), digest_size=12).digest()


def score_for(number: int) -> float:
    return 1.0 / (number + 3)


@pytest.fixture
def cache(redis_url: str) -> Cache:
    made = Cache(redis_url)
    made.put()  # begins it
    return made


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


def buckets(redis: Redis) -> list[bytes]:
    """The keys of all buckets."""
    keys: list[bytes] = redis.keys("rerankq:reuse:*")  # type: ignore[assignment]
    return sorted(keys)


def test_scores_are_found_exactly(cache: Cache, redis: Redis) -> None:
    """A stored score is found as it was, to the last bit; others are not known."""
    assert cache.put(1, 2) == (2, False)
    assert cache.known(1, 3, 2) == [score_for(1), None, score_for(2)]
    assert cache.put(1, 2) == (0, False), "to store again is harmless"
    assert redis.hget("rerankq:reuse", "pairs") == b"2"
    assert all(0 < redis.ttl(each) <= HOUR for each in buckets(redis))


def test_before_it_begins_nothing_is_stored(redis_url: str) -> None:
    """Without a base no epoch is told: what is stored with it is not found."""
    cache = Cache(redis_url)
    assert cache.put(1) == (1, False)
    assert cache.known(1) == [None]
    cache.put(1)
    assert cache.known(1) == [score_for(1)]


def test_old_scores_are_not_used(redis_url: str, redis: Redis) -> None:
    """A generation is written for half of the time and read for all of it; then its keys expire."""
    cache = Cache(redis_url, ttl_seconds=2)
    cache.put()
    cache.put(1)
    first = redis.hget("rerankq:reuse", "current")
    assert isinstance(first, bytes)

    def is_over() -> bool:
        cache.put(2)
        return bool(redis.hget("rerankq:reuse", "current") != first)

    eventually(is_over, "a generation has begun")
    assert redis.hget("rerankq:reuse", "previous") == first
    eventually(lambda: cache.known(1) == [None], "the old score is not used any more")
    name = first.split()[0]
    eventually(lambda: not any(name in each for each in buckets(redis)), "it has expired")


def test_the_oldest_generation_makes_room(redis_url: str, redis: Redis) -> None:
    """When the current generation is full, the one before goes as a whole, in portions."""
    cache = Cache(redis_url, most_pairs=1000)
    cache.put()
    for first in range(0, 4000, 200):
        cache.put(*range(first, first + 200))
    assert cache.known(3999) == [score_for(3999)]
    assert cache.known(*range(1000)) == [None] * 1000
    assert len(buckets(redis)) <= 2 * (1000 // 64 + 1)
    assert redis.hget("rerankq:reuse", "dropped") is None


def test_forgotten_scores_are_not_used(cache: Cache) -> None:
    """After the scores of a source were forgotten, only those stored later are used."""
    cache.put(1, 2)
    cache.run(lambda store: forget_scores(store, ["another", SOURCE]))
    assert cache.known(1, 2) == [None, None]
    cache.put(1)
    assert cache.known(1, 2) == [score_for(1), None]


def test_scores_of_many_sources_can_be_forgotten(cache: Cache, redis: Redis) -> None:
    """So many epochs that they would fill Redis are forgotten with all scores."""
    cache.put(1)
    for first in range(0, 600, 100):
        names = [str(each) for each in range(first, first + 100)]
        cache.run(lambda store, names=names: forget_scores(store, names))  # type: ignore[misc]
    assert redis.hlen("rerankq:reuse") <= 500
    cache.put()
    assert cache.known(1) == [None]


def test_damaged_and_foreign_values_are_ignored(cache: Cache, redis: Redis) -> None:
    """Whatever stands in the place of a score, of a bucket or of the whole is no score."""
    cache.put(1)
    (bucket,) = buckets(redis)
    held: dict[bytes, bytes] = redis.hgetall(bucket)  # type: ignore[assignment]
    ((field, score),) = held.items()
    for damaged in (b"", b"1", bytes(12), score[:-1] + bytes([score[-1] ^ 1]), score + b"x"):
        redis.hset(bucket, field, damaged)
        assert cache.known(1) == [None]
    redis.delete(bucket)
    redis.set(bucket, "a string")
    assert cache.known(1) == [None]
    assert cache.put(1) == (0, False)
    for damaged in (b"", b"nonsense", b"zz 1 1", b"ab 1 0", b"\xff" * 100):
        redis.hset("rerankq:reuse", "current", damaged)
        assert cache.known(1) == [None]
    redis.hset("rerankq:reuse", "pairs", "nan")
    redis.hset("rerankq:reuse", "current", "ab")
    cache.put(1)
    assert cache.known(1) == [score_for(1)]
    redis.delete("rerankq:reuse")
    redis.lpush("rerankq:reuse", "a list")
    assert cache.known(1) == [None]
    cache.put()
    cache.put(1)
    assert cache.known(1) == [score_for(1)]


def test_a_full_redis_gets_the_memory_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    """While Redis is full nothing is stored, scores are found, and the oldest go for the ledger."""
    with RedisServer(tmp_path_factory.mktemp("full")) as server, server.client() as redis:
        cache = Cache(server.url, most_pairs=20_000)
        cache.put()
        for first in range(0, 30_000, 1000):
            cache.put(*range(first, first + 1000))
        taken = redis.info("memory")["used_memory"]
        redis.config_set("maxmemory", taken - 1)
        assert cache.known(29_999) == [score_for(29_999)]
        assert cache.put(30_000) == (0, True)
        assert redis.info("memory")["used_memory"] < taken - 300_000
        assert cache.known(29_999) == [score_for(29_999)]
        assert cache.known(1) == [None], "the older half has gone"
        redis.config_set("maxmemory", 1)
        while redis.keys("rerankq:reuse:*"):
            assert cache.put(30_000) == (0, True)
        with pytest.raises(LedgerUnavailable):
            cache.run(lambda store: store.command("SET", "a", "b"))
        cache.run(lambda store: forget_scores(store, [SOURCE]))
        redis.config_set("maxmemory", 0)
        cache.put()
        cache.put(30_000)
        assert cache.known(29_999, 30_000) == [None, score_for(30_000)]


def test_many_pairs_take_little_memory(cache: Cache, redis: Redis) -> None:
    """A full generation takes less than `BYTES_A_PAIR` for each of its pairs."""
    before = redis.info("memory")["used_memory"]
    for first in range(0, 10_000, 1000):
        cache.put(*range(first, first + 1000))
    assert (redis.info("memory")["used_memory"] - before) / 10_000 < BYTES_A_PAIR
