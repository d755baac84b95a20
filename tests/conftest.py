"""Servers that tests share: one Redis a test process, emptied before each test."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from running.redis_server import RedisServer


def pytest_configure() -> None:
    """Let commands that tests start meet SIGHUP as usual, also where `nohup` started the tests."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        # A program does not inherit a handler, but it does inherit that a signal is ignored.
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture(scope="session")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(_redis: RedisServer) -> str:
    """The address of a real Redis that holds nothing."""
    with _redis.client() as client:
        client.flushall()
    return _redis.url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A real Redis of this test's own, to be stopped, killed or starved."""
    with RedisServer(tmp_path) as server:
        yield server
