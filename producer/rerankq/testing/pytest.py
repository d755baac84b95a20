"""Fixtures for pytest: `pytest_plugins = ["rerankq.testing.pytest"]` in the top conftest.py.

pytest loads them only then: projects that do not test with rerankq do not see them.
"""

from collections.abc import Iterator

import pytest
from redis import Redis

from rerankq.embedded import EmbeddedRedis, embedded_redis
from rerankq.testing.fake import FakeRerankq
from rerankq.testing.scores import Scores, shared_words


@pytest.fixture(scope="session")
def rerankq_redis() -> Iterator[EmbeddedRedis]:
    """A Redis for this run of pytest: with pytest-xdist, one for each of its processes."""
    with embedded_redis() as server:
        yield server


@pytest.fixture
def rerankq_redis_url(rerankq_redis: EmbeddedRedis) -> str:
    """The address of an empty ledger. Override it to use your own Redis, which is not emptied.

    Returns:
        A URL as `RERANKQ_REDIS_URL` takes it.
    """
    with Redis.from_url(rerankq_redis.url) as redis:
        redis.flushall()
    return rerankq_redis.url


@pytest.fixture
def rerankq_scores() -> Scores:
    """The function that gives scores: the share of the query's words. Override it."""
    return shared_words


@pytest.fixture
def fake_rerankq(
    rerankq_redis_url: str, rerankq_scores: Scores, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeRerankq]:
    """A rerankq for one test; `RERANKQ_REDIS_URL` is set to it, so `RerankClient()` finds it."""
    monkeypatch.setenv("RERANKQ_REDIS_URL", rerankq_redis_url)
    with FakeRerankq(rerankq_scores, redis_url=rerankq_redis_url) as fake:
        yield fake
