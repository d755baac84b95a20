"""Faults of the broker connection that kombu's transport must survive."""

import signal
from pathlib import Path
from typing import Any

from kombu import Connection

from rerankq.broker.announce import Announcer
from rerankq.contract import Lane
from rerankq_worker.consumer.broker import GatedTransport
from running.redis_server import RedisServer


def test_a_failed_ack_does_not_count_against_the_prefetch_limit(tmp_path: Path) -> None:
    """If an ack cannot be sent to Redis, the consumer still takes one more message."""
    with RedisServer(tmp_path) as server:
        announcer = Announcer(server.url)
        assert announcer.announce(Lane.BULK, ["some-job"])
        announcer.close()
        with Connection(server.url, transport=GatedTransport) as connection:
            channel: Any = connection.channel()
            message = connection.SimpleQueue(Lane.BULK.queue, channel=channel).get(timeout=5)
            qos = channel.qos
            qos.prefetch_count = 1
            assert not qos.can_consume()
            server.stop(signal.SIGKILL)
            message.ack()
            assert qos.can_consume()
            server.start()
