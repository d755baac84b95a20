"""Real workers use known scores again: what is sent, what results say, and what is never reused."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import RerankResult
from running.redis_server import RedisServer
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker


class Fleet:
    """A worker with score reuse, its upstream and its ledger."""

    def __init__(self, redis: RedisServer, upstream: RunningSandbox) -> None:
        self.redis, self.upstream = redis, upstream
        self.client = RerankClient(redis_url=redis.url)

    def stored(self) -> int:
        """How many pairs are stored in the current generation."""
        with Redis.from_url(self.redis.url) as redis:
            stored = redis.hget("rerankq:reuse", "pairs")
        return int(stored or 0)

    def sent(self, since: int) -> list[int]:
        """How many documents each call had since then."""
        return [each["documents"] for each in self.upstream.log(since)]

    def rank(self, query: str, documents: Sequence[str], **more: Any) -> RerankResult:
        """The ranking of a job."""
        return self.client.submit(query=query, documents=documents, **more).result(timeout=30)

    def learn(self, query: str, documents: Sequence[str], **more: Any) -> RerankResult:
        """The ranking of a job whose scores are then stored."""
        before = self.stored()
        found = self.rank(query, documents, **more)
        eventually(lambda: self.stored() >= before + len(set(documents)), "scores are stored")
        return found


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("reuse")
    with (
        RedisServer(folder) as redis,
        RunningSandbox(keys=("sk-test",)) as upstream,
        RunningWorker(redis.url, upstream.url, folder, reuse="24h"),
    ):
        made = Fleet(redis, upstream)
        eventually(lambda: Redis.from_url(redis.url).exists("rerankq:reuse"), "reuse has begun")
        with made.client:
            yield made


def scores(result: RerankResult) -> dict[int, float]:
    return {row.index: row.relevance_score for row in result.results}


def sources(result: RerankResult) -> dict[int, str | None]:
    return {row.index: row.source for row in result.results}


def last(fleet: Fleet) -> int:
    entries = fleet.upstream.log()
    return int(entries[-1]["n"]) if entries else 0


def test_known_scores_are_not_paid_for_again(fleet: Fleet) -> None:
    """A repeat makes no call; a job with some new documents sends these alone; scores are equal."""
    documents = ["预防感冒应勤洗手、戴口罩", "今天股市大涨", "感冒多喝水"]
    first = fleet.learn("如何预防感冒", documents)
    assert sources(first) == dict.fromkeys(range(3), "call")
    assert first.attempts == 1
    since = last(fleet)
    again = fleet.rank("如何预防感冒", documents)
    assert fleet.sent(since) == []
    assert scores(again) == scores(first)
    assert [row.index for row in again.results] == [row.index for row in first.results]
    assert sources(again) == dict.fromkeys(range(3), "reused")
    assert (again.attempts, again.usage.total_tokens, again.usage.estimated_tokens) == (0, 0, 0)
    some = [documents[1], "新的文档", documents[0], "新的文档"]
    mixed = fleet.rank("如何预防感冒", some, top_n=3)
    assert fleet.sent(since) == [1]
    assert sources(mixed)[0] == "reused"
    assert {scores(mixed).get(2), scores(mixed).get(0)} <= {*scores(first).values(), None}
    assert len(mixed.results) == 3


@pytest.mark.parametrize(
    "other", [{"query": "另一个问题"}, {"model": "bge-reranker-v2-m3"}, {"reuse": False}]
)
def test_what_is_another_pair(fleet: Fleet, other: dict[str, Any]) -> None:
    """Another query or model has scores of its own, and a job may refuse known ones."""
    asked: dict[str, Any] = {"query": f"问题 {sorted(other)}", "documents": ["甲", "乙"]}
    fleet.learn(**asked)
    since = last(fleet)
    found = fleet.rank(**(asked | other))
    assert fleet.sent(since) == [2]
    assert sources(found) == dict.fromkeys(range(2), None if "reuse" in other else "call")


def test_equal_pairs_under_way_are_asked_for_once(fleet: Fleet) -> None:
    """Jobs that begin together share the scores of the first; a failure makes the next one ask."""
    since = last(fleet)
    fleet.upstream.fault(kind="status", status=500)
    jobs = fleet.client.submit_many(
        {"query": "同时", "documents": ["一", "二", f"第 {each} 份"]} for each in range(20)
    )
    found = [each.result(timeout=60) for each in jobs]
    assert len({scores(each)[0] for each in found}) == 1
    assert sum(fleet.sent(since)) <= 2 + 20 + 3, "the shared ones once, and the failed call"


def test_redis_that_loses_the_cache_costs_calls_alone(fleet: Fleet) -> None:
    """With damaged or lost scores the ranking is the same."""
    first = fleet.learn("损坏", ["丙", "丁"])
    with Redis.from_url(fleet.redis.url) as redis:
        for key in redis.keys("rerankq:reuse*"):
            redis.delete(key)
            redis.set(key, "damaged")
    ranked = [first]

    def is_asked_anew() -> bool:
        ranked.append(fleet.rank("损坏", ["丙", "丁"]))
        return set(sources(ranked[-1]).values()) == {"call"}

    eventually(is_asked_anew, "the worker itself has forgotten them too")
    assert all(scores(each) == scores(first) for each in ranked)
