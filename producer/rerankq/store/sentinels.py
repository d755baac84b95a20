"""Which server is the primary: asked of Redis Sentinel, at each new connection.

The library's own class for that keeps connections to the Sentinels, which belong to one event loop,
and asks them for the state of every service. Here one command is sent on a connection of its own.

Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from redis import asyncio, exceptions
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.retry import Retry

from rerankq.store.connecting import (
    NO_SENTINEL,
    NO_SERVICE,
    SENTINEL_LOGIN,
    SENTINEL_REFUSES,
    SENTINELS_SILENT,
)

SENTINEL_PORT: Final = 26379
ASK_SECONDS: Final = 1.0
"""How long one Sentinel may take: while it is silent, the next is not asked."""
NO_SENTINEL_ADDRESS: Final = (
    "is not an address of Sentinel: write "
    "sentinel://[user:password@]host1:26379,host2:26379/service/0, IPv6 addresses in brackets, "
    "and special characters of the password as %XX"
)
_FORM: Final = re.compile(r"sentinels?://([^/?#]*)/?([^/?#]*)/?([^?#]*)(?:\?([^#]*))?", re.ASCII)
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.%]+)\]|([\w.-]+))(?::(\d{1,5}))?", re.ASCII)
_MOST_PORT: Final = 65_535

Place = tuple[str, int]
Search = Generator[Place, Any, Place]
"""Gives each Sentinel to ask, takes its answer or the error, and returns the primary."""


@dataclass(frozen=True, slots=True)
class Sentinels:
    """The Sentinels that know where a service's primary is.

    Attributes:
        places: host and port of each.
        service: the name under which they watch the primary.
        username: the user for the Sentinels; None for the default user.
        password: that user's password; None for none.
        tls: the TLS options of connections to them; None for connections without TLS.
    """

    places: tuple[Place, ...]
    service: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The hosts, as in an address."""
        return ",".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.places
        )

    def arguments(self) -> dict[str, Any]:
        """The arguments of a connection to each of them, without its host and port."""
        return {
            "username": self.username,
            "password": self.password,
            "socket_timeout": ASK_SECONDS,
            "socket_connect_timeout": ASK_SECONDS,
            # HELLO, which begins version 3, is a right that users of Sentinel often lack.
            "protocol": 2,
            **(self.tls or {}),
        }


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """The parts of an address with Sentinels, as they stand in it."""

    places: tuple[Place, ...]
    service: str
    username: str | None
    password: str | None = field(repr=False)
    database: int | None
    query: str = field(repr=False)


def read(url: str) -> SentinelUrl:
    """The parts of an address.

    Raises:
        ValueError: it is not one. The message continues a sentence that begins with the setting's
            name, and quotes nothing secret.
    """
    if ";" in url:
        raise ValueError(
            "has several addresses: write all Sentinels into one, as "
            "sentinel://host1:26379,host2:26379/service/0"
        )
    found = _FORM.fullmatch(url)
    # The rest of a password that is not escaped would be taken for a service or an option.
    if not found or "@" in (found[2] + found[3] + (found[4] or "")):
        raise ValueError(NO_SENTINEL_ADDRESS)
    who, _, hosts = found[1].rpartition("@")
    user, _, password = who.partition(":")
    places = tuple(_place(each) for each in hosts.split(","))
    if not found[2]:
        raise ValueError(
            "names no service: write sentinel://host:26379/service/0; SENTINEL MASTERS, asked of a "
            "Sentinel, lists the names"
        )
    if not re.fullmatch(r"\d{0,9}", found[3], re.ASCII):
        raise ValueError("has no number of a database after the service: write /service/0")
    return SentinelUrl(
        places=places,
        service=unquote(found[2]),
        username=unquote(user) or None,
        password=unquote(password) or None,
        database=int(found[3]) if found[3] else None,
        query=found[4] or "",
    )


def _place(text: str) -> Place:
    found = _HOST.fullmatch(text)
    port = int(found[3] or SENTINEL_PORT) if found else 0
    if not found or not 0 < port <= _MOST_PORT:
        raise ValueError(NO_SENTINEL_ADDRESS)
    return found[1] or found[2], port


class Primary:
    """Finds the primary of a service. Used by connections of any loop and thread.

    Args:
        sentinels: whom to ask.
    """

    def __init__(self, sentinels: Sentinels) -> None:
        self._sentinels = sentinels
        self._order = sentinels.places

    async def find(self) -> Place:
        """Host and port of the primary.

        Raises:
            redis.exceptions.ConnectionError: no Sentinel names one; its text is in `connecting`.
        """
        search = self._search()
        try:
            place = next(search)
            while True:
                place = search.send(await self._ask(*place))
        except StopIteration as found:
            primary: Place = found.value
            return primary

    def find_blocking(self) -> Place:
        """The same, for a connection of a thread.

        Raises:
            redis.exceptions.ConnectionError: as `find` says.
        """
        search = self._search()
        try:
            place = next(search)
            while True:
                place = search.send(self._ask_blocking(*place))
        except StopIteration as found:
            primary: Place = found.value
            return primary

    def _search(self) -> Search:
        faults = []
        for place in self._order:
            said = yield place
            if isinstance(said, list):
                # Who has answered is asked first next time, so that a dead one is not waited for.
                self._order = (place, *(each for each in self._order if each != place))
                host, port = said
                return host.decode(), int(port)
            faults.append(_fault(said))
        # What a Sentinel has said explains more than the silence of another one.
        raise exceptions.ConnectionError(
            min(faults, key=lambda each: each.startswith(SENTINELS_SILENT))
        )

    async def _ask(self, host: str, port: int) -> Any:
        tls = self._sentinels.tls is not None
        kind = asyncio.SSLConnection if tls else asyncio.Connection
        connection: Any = kind(
            host=host,
            port=port,
            retry=AsyncRetry(NoBackoff(), 0),
            **self._sentinels.arguments(),
        )
        try:
            await connection.connect()
            await connection.send_command(*self._question())
            return await connection.read_response()
        except (exceptions.RedisError, OSError) as error:
            return error
        finally:
            await connection.disconnect(nowait=True)

    def _ask_blocking(self, host: str, port: int) -> Any:
        kind = Connection if self._sentinels.tls is None else SSLConnection
        connection: Any = kind(
            host=host, port=port, retry=Retry(NoBackoff(), 0), **self._sentinels.arguments()
        )
        try:
            connection.connect()
            connection.send_command(*self._question())
            return connection.read_response()
        except (exceptions.RedisError, OSError) as error:
            return error
        finally:
            connection.disconnect()

    def _question(self) -> tuple[str, ...]:
        return "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._sentinels.service


def _fault(said: Any) -> str:
    """Why a Sentinel has named no primary: a text of `connecting`."""
    if said is None:
        return NO_SERVICE
    text = str(said)
    if isinstance(said, exceptions.AuthenticationError) or "NOAUTH" in text or "WRONGPASS" in text:
        return SENTINEL_LOGIN
    if isinstance(said, exceptions.InvalidResponse) or "unknown command" in text.lower():
        return NO_SENTINEL
    if isinstance(said, exceptions.ResponseError):
        return SENTINEL_REFUSES
    return f"{SENTINELS_SILENT} ({text})"
