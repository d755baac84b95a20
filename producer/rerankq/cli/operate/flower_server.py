"""Flower itself, told by rerankq alone: its own start reads the environment and a file beside it.

`FLOWER_PORT=tcp://10.0.0.1:5555`, which Kubernetes sets in each container where there is a Service
named `flower`, would end that start, and a `flowerconfig.py` of the current folder would be run.
"""

import atexit
import signal
import sys
from collections.abc import Iterable
from typing import Any

from celery import Celery
from flower.app import Flower
from flower.options import options
from flower.urls import settings
from flower.views import BaseHandler
from redis.asyncio import Redis
from tornado.log import enable_pretty_logging

from rerankq.cli.operate.flower_guard import PasswordFirst
from rerankq.settings import ClientSettings
from rerankq.store.address import RedisAddress
from rerankq.store.keys import Keys
from rerankq.store.store import connection_pool


class GuardedFlower(PasswordFirst, Flower):  # type: ignore[misc]  # Flower has no types
    """Flower of which nothing is seen without its password."""


class QueueLengths:
    """Answers Flower's question to the broker, for any form of its address.

    Flower 2.2 makes a connection of its own from the URL, without its options: with TLS it needs
    settings of Celery's, and of a Unix socket it sees the first database alone.
    """

    def __init__(self, address: RedisAddress, keys: Keys) -> None:
        self._address = address
        self._keys = keys

    async def queues(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """How many messages wait in each queue."""
        listed = list(names)
        async with (
            Redis.from_pool(connection_pool(self._address)) as redis,
            redis.pipeline(transaction=False) as pipeline,
        ):
            for name in listed:
                pipeline.llen(self._keys.queue(name))
            lengths = await pipeline.execute()
        return [
            {"name": name, "messages": length} for name, length in zip(listed, lengths, strict=True)
        ]


def serve(app: Celery, ledger: ClientSettings, *, port: int, address: str, auth: str) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        app: what it looks through.
        ledger: says where the queues are.
        port: to listen on.
        address: to listen on.
        auth: `user:password` that it asks for.
    """
    options.port, options.address = port, address
    options.basic_auth = [auth]
    # Its buttons would end workers and make tasks up; `rerankq` does what is to be done.
    options.read_only = True
    queues = QueueLengths(RedisAddress.parse(ledger.redis_url), Keys(ledger.namespace))
    BaseHandler.get_broker = lambda _: queues
    enable_pretty_logging()
    server = GuardedFlower(capp=app, options=options, **settings)
    server.users = options.basic_auth
    atexit.register(server.stop)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.start_http_server()
    try:
        server.start()
    except (KeyboardInterrupt, SystemExit):
        return
