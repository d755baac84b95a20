"""Connections to an address, as the library makes them."""

from typing import Any, Final

from redis.asyncio import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection

from rerankq.errors import SettingsError
from rerankq.store.address import RedisAddress
from rerankq.store.on_connect import Pool, to_primary
from rerankq.store.primary import primary_of

CLIENT_NAME: Final = "rerankq"
ANSWER_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 5.0


def shown_address(url: str) -> str:
    """The address without user and password, for messages.

    Raises:
        SettingsError: it is not a Redis address.
    """
    return address_of(url).shown


def connection_pool(
    address: RedisAddress, *, answer_seconds: float | None = None, **options: Any
) -> ConnectionPool:
    """Connections to an address.

    Args:
        address: where Redis is.
        answer_seconds: see `Store`.
        **options: more arguments for the library's connections.
    """
    patience: dict[str, Any] = {
        "socket_timeout": ANSWER_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
    } | address.patience()
    if answer_seconds is not None:
        patience["socket_timeout"] = answer_seconds
    name = {"client_name": CLIENT_NAME}
    kind = _connection_class(address)
    if address.sentinels:
        kind, options = to_primary(kind), options | {"primary": primary_of(address.sentinels)}
    return Pool(connection_class=kind, **name | address.arguments() | patience | options)


def address_of(url: str) -> RedisAddress:
    """The address that a URL names.

    Raises:
        SettingsError: it is not a Redis address, or a file that it names cannot be read.
    """
    try:
        address = RedisAddress.parse(url)
        address.check_files()
    except ValueError as error:
        raise SettingsError(f"RERANKQ_REDIS_URL {error}") from None
    return address


def _connection_class(address: RedisAddress) -> type[AbstractConnection]:
    if address.path:
        return UnixDomainSocketConnection
    return SSLConnection if address.tls else Connection
