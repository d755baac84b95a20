"""The address of Redis: `RERANKQ_REDIS_URL`, parsed once for all that connect.

The ledger, Celery's transport and Flower each accept other forms of such an address, and other
options after its `?`. So it is parsed here, and all get the same arguments for the redis library's
connections.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import SplitResult, quote, unquote, urlsplit

from rerankq.store import sentinels
from rerankq.store.address_options import (
    OF_SENTINEL,
    SENTINEL_SCHEMES,
    TLS,
    TLS_SCHEMES,
    read_options,
)
from rerankq.store.sentinels import Sentinels

SCHEMES: Final = ("redis", "rediss", "unix", *SENTINEL_SCHEMES)
FOREIGN_SCHEMES: Final = (
    "redis+sentinel",
    "rediss+sentinel",
    "redis-sentinel",
    "rediss-sentinel",
    "sentinel+redis",
)
"""Names that other clients use for Sentinel."""
DEFAULT_PORT: Final = 6379

NO_ADDRESS: Final = (
    "is not a Redis address: write redis://[:password@]host:port/0 or unix:///path, "
    "and special characters of the password as %XX"
)

_TWO_DATABASES: Final = "names two databases: write the number after the port or as db=, not both"
_RUN_KEY: Final = secrets.token_bytes(32)
_FILES: Final = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_PATIENCE: Final = frozenset(
    {"max_connections", "socket_timeout", "socket_connect_timeout", "health_check_interval"}
)
"""Options for the ledger's connections only: Celery's must wait without a limit."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """An address, parsed and checked.

    Attributes:
        host: name or number of the machine; empty for a Unix socket, and with Sentinels.
        port: its port.
        path: of a Unix socket; empty otherwise.
        database: number of the database.
        username: the user; None for the default user.
        password: the user's password; None for none.
        tls: whether the connection is encrypted.
        options: the options after the `?`, by the library's names.
        mark: a value that equal addresses share within one process, and that reveals no secret.
            kombu tells connections apart by the text of their options.
        sentinels: who tells where the primary is; None when the address itself does.
    """

    host: str
    port: int
    path: str
    database: int
    username: str | None
    password: str | None = field(repr=False)
    tls: bool
    options: Mapping[str, Any] = field(repr=False)
    mark: str
    sentinels: Sentinels | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read an address.

        Raises:
            ValueError: it is not an address, or has an unknown option. The message continues a
                sentence that begins with the setting's name, and quotes nothing secret.
        """
        scheme = url.partition("://")[0]
        if scheme in FOREIGN_SCHEMES:
            raise ValueError(
                "names a Sentinel in the form of another program: write "
                "sentinel://host1:26379,host2:26379/service/0, or sentinels:// for TLS"
            )
        if not url.startswith(tuple(f"{each}://" for each in SCHEMES)):
            raise ValueError("must begin with redis://, rediss://, unix:// or sentinel://")
        mark = hashlib.blake2b(url.encode(), key=_RUN_KEY, digest_size=8).hexdigest()
        if scheme in SENTINEL_SCHEMES:
            return cls._with_sentinels(url, scheme, mark)
        parts = _split(url)
        options = read_options(parts.query, parts.scheme)
        database = options.pop("db", None)
        if parts.scheme != "unix" and (in_path := parts.path.strip("/")):
            if database not in {None, int(in_path)}:
                raise ValueError(_TWO_DATABASES)
            database = int(in_path)
        is_socket = parts.scheme == "unix"
        return cls(
            host="" if is_socket else parts.hostname or "localhost",
            port=parts.port or DEFAULT_PORT,
            path=unquote(parts.path) if is_socket else "",
            database=database or 0,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=parts.scheme == "rediss",
            options=options,
            mark=mark,
        )

    @classmethod
    def _with_sentinels(cls, url: str, scheme: str, mark: str) -> Self:
        parts = sentinels.read(url)
        options = read_options(parts.query, scheme)
        database = options.pop("db", parts.database)
        if parts.database not in {None, database}:
            raise ValueError(_TWO_DATABASES)
        is_tls = scheme in TLS_SCHEMES
        tls = {name: value for name, value in options.items() if name.startswith(TLS)}
        return cls(
            host="",
            port=0,
            path="",
            database=database or 0,
            username=parts.username,
            password=parts.password,
            tls=is_tls,
            options={k: v for k, v in options.items() if not k.startswith(OF_SENTINEL)},
            mark=mark,
            sentinels=Sentinels(
                parts.places,
                parts.service,
                options.get("sentinel_username"),
                options.get("sentinel_password"),
                tls if is_tls else None,
            ),
        )

    def __json__(self) -> str:
        """The form that Celery shows, as in Flower: without secrets."""
        return self.public_url

    @property
    def shown(self) -> str:
        """The address without user and password, for messages."""
        if self.sentinels:
            return f"{self.sentinels.service} (Sentinel {self.sentinels.shown})"
        return self.path or f"{self.host}:{self.port}"

    @property
    def public_url(self) -> str:
        """The address as a URL without user, password and options, for logs."""
        if self.path:
            return f"unix://{quote(self.path)}?db={self.database}"
        if self.sentinels:
            scheme = "sentinels" if self.tls else "sentinel"
            service = quote(self.sentinels.service)
            return f"{scheme}://{self.sentinels.shown}/{service}/{self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{host}:{self.port}/{self.database}"

    @property
    def celery_url(self) -> str:
        """The same in a form that kombu can read: it names the first Sentinel only."""
        if not self.sentinels:
            return self.public_url
        first = replace(self.sentinels, places=self.sentinels.places[:1])
        return replace(self, sentinels=first).public_url

    def arguments(self) -> dict[str, Any]:
        """The arguments of a connection of the redis library, without time limits.

        With Sentinels there is no host: the connection itself asks for it.
        """
        place: dict[str, Any] = {"host": self.host, "port": self.port}
        if self.path:
            place = {"path": self.path}
        elif self.sentinels:
            # Found anew at each connection.
            place = {}
        who = {"username": self.username, "password": self.password}
        own = {name: value for name, value in self.options.items() if name not in _PATIENCE}
        return place | {"db": self.database} | who | own

    def patience(self) -> dict[str, Any]:
        """Time limits and the number of connections, as far as they are set."""
        return {name: value for name, value in self.options.items() if name in _PATIENCE}

    def check_files(self) -> None:
        """Check that the files it names can be read: later it would look as if Redis were down.

        Raises:
            ValueError: one cannot be read.
        """
        for name in _FILES:
            if name in self.options and not _is_readable(Path(self.options[name])):
                raise ValueError(f"{name} names a file that is not there or cannot be read")


def _split(url: str) -> SplitResult:
    """The parts of an address.

    The library's own error is never shown: it may quote a password with a "/" as a port.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(NO_ADDRESS) from None
    # The rest of a password that is not escaped would be taken for a fragment or an option.
    if "#" in url or "@" in parts.query:
        raise ValueError(NO_ADDRESS)
    if parts.scheme == "unix":
        if len(parts.path) < 2 or parts.hostname:  # noqa: PLR2004  a slash alone is no path
            raise ValueError(NO_ADDRESS)
    elif port == 0 or not re.fullmatch(r"(/[0-9]{0,9})?", parts.path, re.ASCII):
        raise ValueError(NO_ADDRESS)
    return parts


def _is_readable(path: Path) -> bool:
    try:
        if path.is_dir():
            return True
        with path.open("rb"):
            return True
    except OSError:
        return False
