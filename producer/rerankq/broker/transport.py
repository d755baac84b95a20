"""kombu's Redis transport, with an address, names and a client of its own.

kombu 5.7 knows another form of addresses than the redis library, and other options in them: it
takes `unix://` for the name of a module, and an option that it does not know for an error. Here it
connects by what `rerankq.store.address` has read.

It also makes a new client of the redis library for each command of a message's way. The client
holds nothing but the connection pool, and costs twice what the command does.
"""

from typing import Any, Final

from kombu.transport.redis import Channel, Transport
from redis import Connection, Redis, SSLConnection, UnixDomainSocketConnection

from rerankq.broker.connections import droppable
from rerankq.store.address import RedisAddress
from rerankq.store.keys import Keys

ADDRESS_OPTION: Final = "rerankq_address"
"""Transport option that brings the `RedisAddress`. The URL beside it is told without password and
options: Celery logs it, and shows it."""

_KEYS: Final = Keys()
_ONLY_TCP: Final = ("socket_keepalive", "socket_keepalive_options", "socket_connect_timeout")


class OwnChannel(Channel):
    """A channel that makes one client for each of its connection pools."""

    unacked_key = _KEYS.unacked
    unacked_index_key = _KEYS.unacked_index
    unacked_mutex_key = _KEYS.unacked_mutex
    # kombu fills in the exchange by `%`.
    keyprefix_queue = _KEYS.binding("%s")
    keyprefix_binding_permanent = _KEYS.binding_permanent("%s")
    keyprefix_binding_deadlines = _KEYS.binding_deadlines

    connection: Any
    _kept: Redis | None = None

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  kombu's signature
        connection = self.connection.client
        address = connection.transport_options.get(ADDRESS_OPTION)
        address = address or RedisAddress.parse(connection.hostname)
        self.connection_class = _connection_class(address)
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        for name in ("host", "port", *(_ONLY_TCP if address.path else ())):
            parameters.pop(name, None)
        parameters["connection_class"] = droppable(parameters["connection_class"])
        return parameters | address.arguments()

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002  kombu's signature
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]
        # After a lost connection the pool is another one.
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
    # kombu would take the URL apart itself, and fail where it knows no such scheme.
    can_parse_url = True

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:  # noqa: ARG002, FBT001, FBT002  kombu's signature
        """The address as it is logged: never with its password."""
        return RedisAddress.parse(uri).public_url
