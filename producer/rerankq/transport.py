"""kombu's Redis transport, with its client kept.

kombu 5.7 makes a new client of the redis library for each command of a message's way. The client
holds nothing but the connection pool, and costs twice what the command does.
"""

from typing import Any

from kombu.transport.redis import Channel, Transport
from redis import Redis

from rerankq.broker_connections import droppable


class KeepingChannel(Channel):
    """A channel that makes one client for each of its connection pools."""

    _kept: Redis | None = None

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  kombu's signature
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        parameters["connection_class"] = droppable(parameters["connection_class"])
        return parameters

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002  kombu's signature
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]
        # After a lost connection the pool is another one.
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()  # type: ignore[misc]
        return self._kept


class KeepingTransport(Transport):
    """Set as Celery's `broker_transport`."""

    Channel = KeepingChannel
