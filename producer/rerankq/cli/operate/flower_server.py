"""Runs Flower with settings from rerankq only.

Flower's own start reads the environment and a file. `FLOWER_PORT=tcp://10.0.0.1:5555`, which
Kubernetes sets in each container when there is a Service named `flower`, would end that start, and
a `flowerconfig.py` of the current folder would be run.
"""

import math
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from celery import Celery
from flower.app import Flower
from flower.options import options
from flower.urls import settings
from flower.views import BaseHandler
from redis.asyncio import Redis
from tornado.log import enable_pretty_logging

from rerankq.cli.operate.flower_guard import PasswordFirst
from rerankq.cli.operate.flower_ledger import LedgerView
from rerankq.cli.operate.flower_pages import own_pages
from rerankq.ledger.records import Records
from rerankq.settings import ClientSettings
from rerankq.store.address import RedisAddress
from rerankq.store.keys import Keys
from rerankq.store.pools import connection_pool
from rerankq.store.store import Retention, Store

COLUMNS: Final = "uuid,state,kwargs,received,started,runtime,retries,worker,exception"
OFFLINE_SECONDS: Final = 3600
"""So long a worker that has ended is shown. A worker that starts again has a new name."""
SAVE_MS: Final = 60_000


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


@dataclass(frozen=True, slots=True)
class View:
    """What Flower shows, and what it may do.

    Attributes:
        file: keeps what it has seen; None for not at all.
        max_tasks: how many jobs it remembers.
        may_change: whether jobs may be cancelled, and workers be ended.
    """

    file: Path | None
    max_tasks: int
    may_change: bool


def serve(
    app: Celery, ledger: ClientSettings, view: View, *, port: int, address: str, auth: str
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        app: the Celery app that it uses.
        ledger: the settings of the ledger, with the queues' Redis.
        view: what it shows.
        port: port to listen on.
        address: address to listen on.
        auth: `user:password` that it demands.
    """
    options.port, options.address = port, address
    options.basic_auth = [auth]
    options.read_only = not view.may_change
    options.max_tasks = view.max_tasks
    options.tasks_columns = COLUMNS
    options.purge_offline_workers = OFFLINE_SECONDS
    if view.file:
        options.persistent, options.db = True, str(view.file)
        # Saving stops everything else for half a second for each ten thousand jobs.
        options.state_save_interval = SAVE_MS * math.ceil(view.max_tasks / 10_000)
    queues = QueueLengths(RedisAddress.parse(ledger.redis_url), Keys(ledger.namespace))
    BaseHandler.get_broker = lambda _: queues
    enable_pretty_logging()
    server = GuardedFlower(capp=app, options=options, **settings)
    server.users = options.basic_auth
    store = Store(ledger.redis_url, ledger.namespace)
    records = Records(store, Retention(ledger.result_ttl, ledger.dead_ttl))
    known = LedgerView(records, server.events.state)
    server.add_handlers(".*", own_pages(known, may_change=view.may_change))
    server.io_loop.add_callback(known.run)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.start_http_server()
    try:
        server.start()
    except (KeyboardInterrupt, SystemExit):
        return
    finally:
        # Keeps what it has seen.
        server.stop()
