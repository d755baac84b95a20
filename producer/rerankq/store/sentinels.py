"""Addresses of Redis Sentinel, which knows where the primary of a service is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

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


def shown(place: Place) -> str:
    """Host and port as in an address."""
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
    tls: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)

    @property
    def shown(self) -> str:
        """The hosts, as in an address."""
        return ",".join(map(shown, self.places))

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
