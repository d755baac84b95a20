"""A gateway that the tests of a module share; the ledger is emptied before each test."""

from collections.abc import Iterator

import pytest
from redis import Redis

from running.gateway import GatewayProcess
from running.redis_server import RedisServer


@pytest.fixture(scope="module")
def shared_gateway(
    _redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """One process for a module."""
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), _redis.url) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared_gateway: GatewayProcess, redis_url: str) -> GatewayProcess:
    """The gateway, with an empty ledger."""
    assert redis_url
    return shared_gateway


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """The ledger's Redis itself."""
    with Redis.from_url(redis_url) as found:
        yield found
