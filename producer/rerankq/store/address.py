"""The address of Redis: `RERANKQ_REDIS_URL`, parsed once for all that connect.

The ledger, Celery's transport and Flower each accept other forms of such an address, and other
options after its `?`. So it is parsed here, and all get the same arguments for the redis library's
connections.
"""

import difflib
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

SCHEMES: Final = ("redis", "rediss", "unix")
SENTINEL_SCHEMES: Final = ("sentinel", "redis+sentinel", "rediss+sentinel", "redis-sentinel")
"""Names that other clients use for the same."""
DEFAULT_PORT: Final = 6379

NO_ADDRESS: Final = (
    "is not a Redis address: write redis://[:password@]host:port/0 or unix:///path, "
    "and special characters of the password as %XX"
)

_RUN_KEY: Final = secrets.token_bytes(32)
_TLS: Final = "ssl_"
_FILES: Final = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_PATIENCE: Final = frozenset(
    {"max_connections", "socket_timeout", "socket_connect_timeout", "health_check_interval"}
)
"""Options for the ledger's connections only: Celery's must wait without a limit."""


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least:,} to {most:,}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII) or float(text) == 0:
        raise ValueError("must be a number of seconds above 0")
    return float(text)


def _yes_or_no(text: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise ValueError("must be true or false")
    return known[text.lower()]


def _requirement(text: str) -> str:
    wanted = text.lower().removeprefix("cert_")
    if wanted not in {"none", "optional", "required"}:
        raise ValueError("must be required, optional or none")
    return wanted


def _name(text: str) -> str:
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("must have no blanks and no special characters: Redis refuses them")
    return text


def _text(text: str) -> str:
    return text


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "db": _whole(0, 999_999_999),
    "protocol": _whole(2, 3),
    "client_name": _name,
    "max_connections": _whole(1, 100_000),
    "socket_timeout": _seconds,
    "socket_connect_timeout": _seconds,
    "health_check_interval": _whole(0, 86_400),
    "ssl_ca_certs": _text,
    "ssl_ca_path": _text,
    "ssl_certfile": _text,
    "ssl_keyfile": _text,
    "ssl_password": _text,
    "ssl_cert_reqs": _requirement,
    "ssl_check_hostname": _yes_or_no,
}
"""The options that all connections understand alike, and how each is read."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """An address, parsed and checked.

    Attributes:
        host: name or number of the machine; empty for a Unix socket.
        port: its port.
        path: of a Unix socket; empty otherwise.
        database: number of the database.
        username: the user; None for the default user.
        password: the user's password; None for none.
        tls: whether the connection is encrypted.
        options: the options after the `?`, by the library's names.
        mark: a value that equal addresses share within one process, and that reveals no secret.
            kombu tells connections apart by the text of their options.
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

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read an address.

        Raises:
            ValueError: it is not an address, or has an unknown option. The message continues a
                sentence that begins with the setting's name, and quotes nothing secret.
        """
        if url.partition("://")[0] in SENTINEL_SCHEMES:
            raise ValueError(
                "names a Sentinel, which rerankq does not support: give the address of a proxy or "
                "a service that always leads to the primary, with redis:// or rediss://"
            )
        if not url.startswith(tuple(f"{each}://" for each in SCHEMES)):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        parts = _split(url)
        options = _options(parts)
        database = options.pop("db", None)
        if parts.scheme != "unix" and (in_path := parts.path.strip("/")):
            if database not in {None, int(in_path)}:
                raise ValueError(
                    "names two databases: write the number after the port or as db=, not both"
                )
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
            mark=hashlib.blake2b(url.encode(), key=_RUN_KEY, digest_size=8).hexdigest(),
        )

    def __json__(self) -> str:
        """The form that Celery shows, as in Flower: without secrets."""
        return self.public_url

    @property
    def shown(self) -> str:
        """The address without user and password, for messages."""
        return self.path or f"{self.host}:{self.port}"

    @property
    def public_url(self) -> str:
        """The address as a URL without user, password and options, for logs."""
        if self.path:
            return f"unix://{quote(self.path)}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{host}:{self.port}/{self.database}"

    def arguments(self) -> dict[str, Any]:
        """The arguments of a connection of the redis library, without time limits."""
        place = {"path": self.path} if self.path else {"host": self.host, "port": self.port}
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


def _options(parts: SplitResult) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _READERS:
            near = difflib.get_close_matches(name, _READERS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_READERS)}"
            raise ValueError(f"has an unknown option: {hint}")
        if name.startswith(_TLS) and parts.scheme != "rediss":
            raise ValueError(f"has {name}, which is only for rediss://")
        if name in found:
            raise ValueError(f"has {name} twice")
        try:
            found[name] = _READERS[name](text)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    if "ssl_keyfile" in found and "ssl_certfile" not in found:
        raise ValueError("has ssl_keyfile without ssl_certfile: a key needs its certificate")
    return found


def _is_readable(path: Path) -> bool:
    try:
        if path.is_dir():
            return True
        with path.open("rb"):
            return True
    except OSError:
        return False
