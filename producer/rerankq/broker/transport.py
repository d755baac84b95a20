"""kombu's Redis transport, with an address, names and a client of its own.

kombu 5.7 accepts other addresses and options than the redis library: it takes `unix://` for the
name of a module, and refuses options that it does not know. Here it connects by the address that
`rerankq.store.address` has parsed.

It also makes a new client of the redis library for each command. The client holds nothing but the
connection pool, and costs twice what the command does: here one client is kept.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from kombu.transport.redis import Channel, Transport
from kombu.utils.encoding import bytes_to_str
from redis import Connection, Redis, SSLConnection, UnixDomainSocketConnection

from rerankq.broker.connections import droppable, to_primary
from rerankq.store.address import RedisAddress
from rerankq.store.keys import Keys
from rerankq.store.primary import primary_of

ADDRESS_OPTION: Final = "rerankq_address"
"""Transport option for the `RedisAddress`. Celery gets its URL without password and options,
because it logs and shows that."""

NAMESPACE_OPTION: Final = "rerankq_namespace"
"""Transport option for the namespace of `rerankq.store.keys`: it is put before the name of each
queue and channel where these become keys. The names that Celery knows are without it."""
_ONLY_TCP: Final = ("socket_keepalive", "socket_keepalive_options", "socket_connect_timeout")


class OwnRedis(Redis):
    """A client whose blocking pops return a queue's name, as kombu expects, and not its key."""

    def __init__(self, *arguments: Any, keys: Keys, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ledger_keys = keys

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        """The reply to a command."""
        reply = super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
        if command_name != "BRPOP" or not reply:
            return reply
        key, message = reply
        return self.ledger_keys.queue.name_of(key.decode()).encode(), message


class OwnChannel(Channel):
    """A channel that makes one client for each of its connection pools."""

    connection: Any
    _kept: Redis | None = None

    def __init__(self, connection: Any, **options: Any) -> None:
        self.keys = keys = Keys(connection.client.transport_options.get(NAMESPACE_OPTION, ""))
        self.unacked_key = keys.unacked
        self.unacked_index_key = keys.unacked_index
        self.unacked_mutex_key = keys.unacked_mutex
        # kombu fills in the exchange by `%`.
        self.keyprefix_queue = keys.binding("%s")
        self.keyprefix_binding_permanent = keys.binding_permanent("%s")
        self.keyprefix_binding_deadlines = keys.binding_deadlines
        super().__init__(connection, **options)

    def _q_for_pri(self, queue: str, pri: int) -> str:
        name: str = super()._q_for_pri(queue, pri)  # type: ignore[misc]
        return self.keys.queue(name)

    def _get_publish_topic(self, exchange: str, routing_key: str) -> str:
        topic: str = super()._get_publish_topic(exchange, routing_key)  # type: ignore[misc]
        return self.keys.prefix + topic

    def _handle_message(self, client: Any, r: Any) -> dict[str, Any]:
        said: dict[str, Any] = super()._handle_message(client, r)  # type: ignore[misc]
        return said | {"channel": bytes_to_str(said["channel"]).removeprefix(self.keys.prefix)}

    def _get_client(self) -> Callable[..., Redis]:
        return partial(OwnRedis, keys=self.keys)

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  kombu's signature
        connection = self.connection.client
        address = connection.transport_options.get(ADDRESS_OPTION)
        address = address or RedisAddress.parse(connection.hostname)
        self.connection_class = _connection_class(address)
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        for name in ("host", "port", *(_ONLY_TCP if address.path else ())):
            parameters.pop(name, None)
        kind = parameters["connection_class"]
        if address.sentinels:
            parameters["primary"] = primary_of(address.sentinels)
            kind = to_primary(kind)
        parameters["connection_class"] = droppable(kind)
        return parameters | address.arguments()

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002  kombu's signature
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]
        # After a lost connection there is a new pool.
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()  # type: ignore[misc]
        return self._kept


def _connection_class(address: RedisAddress) -> type:
    if address.path:
        return UnixDomainSocketConnection
    return SSLConnection if address.tls else Connection


class OwnTransport(Transport):
    """Set as Celery's `broker_transport`."""

    Channel = OwnChannel
    # kombu would parse the URL itself, and fail at a scheme that it does not know.
    can_parse_url = True

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:  # noqa: ARG002, FBT001, FBT002  kombu's signature
        """The address as it is logged: never with its password."""
        return RedisAddress.parse(uri).public_url
