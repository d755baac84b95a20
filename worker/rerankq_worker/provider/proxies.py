"""Which proxy the environment names for an endpoint: read as curl, requests and httpx read it.

`https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in small letters or capitals. Checked when
a worker starts: a proxy that is passed over would let out what was to be held in, and one that is
asked in the wrong way gets the key.
"""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies

from rerankq.errors import SettingsError

PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy.

    Attributes:
        host: its name or address.
        port: its port.
        secure: whether it is spoken to over TLS.
        authorization: value of its Proxy-Authorization header; empty for none.
    """

    host: str
    port: int
    secure: bool
    authorization: bytes = field(default=b"", repr=False)


def proxy_for(url: str) -> Proxy | None:
    """The proxy for an endpoint; None where it is called without one.

    Args:
        url: the endpoint.

    Raises:
        SettingsError: a variable names one that cannot be used.
    """
    endpoint = urlsplit(url)
    named = getproxies()
    if _is_excepted(endpoint, named.get("no", "")):
        return None
    kind = endpoint.scheme if named.get(endpoint.scheme) else "all"
    return _proxy(named[kind], kind) if named.get(kind) else None


def _proxy(value: str, kind: str) -> Proxy:
    """The proxy that a variable names; nothing of its user and password is told."""
    variable = _variable(kind)
    try:
        # Without a scheme it is meant to be HTTP, with curl and with httpx alike.
        parts = urlsplit(value if "://" in value else f"http://{value}")
    except ValueError:
        raise SettingsError(f"{variable} names no proxy: write http://host:port") from None
    if parts.scheme.startswith("socks"):
        raise SettingsError(
            f"{variable} names a SOCKS proxy, and only HTTP proxies can be asked: name one "
            "(http://host:port), or except the upstream's host in NO_PROXY"
        )
    if parts.scheme not in PORTS:
        raise SettingsError(f"{variable} names no HTTP proxy: write http://host:port")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(
            f"{variable} names a proxy whose port is no number from 1 to 65535"
        ) from None
    if not host or port == 0:
        raise SettingsError(f"{variable} names no proxy: write http://host:port")
    return Proxy(host, port or PORTS[parts.scheme], parts.scheme == "https", _basic(parts))


def _basic(proxy: SplitResult) -> bytes:
    if not proxy.username:
        return b""
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return b"Basic " + base64.b64encode(login.encode())


def _variable(kind: str) -> str:
    """The name of a variable as it is written in the environment."""
    name = f"{kind}_proxy"
    return next((each for each in os.environ if each.lower() == name), name)


def _is_excepted(endpoint: SplitResult, exceptions: str) -> bool:
    host, port = (endpoint.hostname or "").rstrip("."), endpoint.port or PORTS[endpoint.scheme]
    return any(_fits(each, host, port) for each in _entries(exceptions))


def _entries(exceptions: str) -> Iterator[str]:
    for each in exceptions.replace(",", " ").split():
        # With a scheme, as httpx takes them.
        yield each.lower().rpartition("://")[2]


def _fits(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if _is_network(entry):
        return _is_address(host) and ip_address(host) in ip_network(entry, strict=False)
    name, _, last = entry.rpartition(":")
    if name and last.isdigit():
        if int(last) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    if _is_network(entry):
        return _is_address(host) and ip_address(host) in ip_network(entry, strict=False)
    # A suffix with a dot before it means the same as one without.
    domain = entry.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _is_network(entry: str) -> bool:
    try:
        ip_network(entry, strict=False)
    except ValueError:
        return False
    return True


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
