import logging
from contextlib import closing

import pytest

from rerankq.broker.announce import Announcer
from rerankq.contract import Lane
from running.redis_server import RedisServer


def test_hints_that_are_published_again_are_told(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """After an outage of Redis the log says once that hints are published again."""
    caplog.set_level(logging.WARNING, "rerankq.broker.announce")
    with closing(Announcer(own_redis.url)) as announcer:
        assert announcer.announce(Lane.BULK, ["a"])
        assert caplog.messages == []
        own_redis.stop()
        assert not announcer.announce(Lane.BULK, ["b"])
        own_redis.start()
        for name in "cd":
            assert announcer.announce(Lane.BULK, [name])
    failed, again = caplog.messages
    assert failed.startswith("no hint for 1 bulk job")
    assert again == "hints are published again"
