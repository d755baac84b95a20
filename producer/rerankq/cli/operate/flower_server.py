"""Runs Flower with settings from rerankq only.

Flower's own start reads the environment and a file. `FLOWER_PORT=tcp://10.0.0.1:5555`, which
Kubernetes sets in each container when there is a Service named `flower`, would end that start, and
a `flowerconfig.py` of the current folder would be run.
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
    """Flower that shows nothing without its password."""


class QueueLengths:
    """Gives Flower the lengths of queues, for any form of the broker's address.

    Flower 2.2 connects by the URL without its options: with TLS it would need settings of Celery,
    and with a Unix socket it would see only the first database.
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
        app: the Celery app that it uses.
        ledger: the settings of the ledger, with the queues' Redis.
        port: port to listen on.
        address: address to listen on.
        auth: `user:password` that it demands.
    """
    options.port, options.address = port, address
    options.basic_auth = [auth]
    # Its buttons would end workers and create tasks: commands of `rerankq` are for that.
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
