"""Servers that tests share: one Redis for each test process, emptied before each test."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from running.redis_server import RedisServer


def pytest_configure() -> None:
    """Let commands that tests start handle signals as usual, whatever started the tests.

    `nohup` ignores SIGHUP, and a script that starts them with `&` ignores SIGINT.
    """
    # A new program does not inherit handlers, but it inherits that a signal is ignored.
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(_redis: RedisServer) -> str:
    """The address of a real, empty Redis."""
    with _redis.client() as client:
        client.flushall()
    return _redis.url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A real Redis that only this test uses, and that it may stop or kill."""
    with RedisServer(tmp_path) as server:
        yield server
