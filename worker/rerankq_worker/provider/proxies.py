"""Which proxy the environment names for an endpoint, by the rules of curl, requests and httpx.

The variables are `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in lower or upper case.
They are checked when a worker starts. A proxy that is ignored would let requests out that should
not leave the network, and a proxy that is used in the wrong way would see the key.
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
        secure: whether the connection to it uses TLS.
        authorization: value of its Proxy-Authorization header; empty for none.
    """

    host: str
    port: int
    secure: bool
    authorization: bytes = field(default=b"", repr=False)


def proxy_for(url: str) -> Proxy | None:
    """The proxy for an endpoint; None if it is called without one.

    Args:
        url: the endpoint.

    Raises:
        SettingsError: a variable names a proxy that cannot be used.
    """
    endpoint = urlsplit(url)
    named = getproxies()
    if _is_excepted(endpoint, named.get("no", "")):
        return None
    kind = endpoint.scheme if named.get(endpoint.scheme) else "all"
    return _proxy(named[kind], kind) if named.get(kind) else None


def _proxy(value: str, kind: str) -> Proxy:
    """The proxy that a variable names; errors show nothing of its user and password."""
    variable = _variable(kind)
    try:
        # Without a scheme it is taken to be HTTP, as curl and httpx do.
        parts = urlsplit(value if "://" in value else f"http://{value}")
    except ValueError:
        raise SettingsError(f"{variable} names no proxy: write http://host:port") from None
    if parts.scheme.startswith("socks"):
        raise SettingsError(
            f"{variable} names a SOCKS proxy, but only HTTP proxies can be used: name one "
            "(http://host:port), or add the upstream's host to NO_PROXY"
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
        # httpx accepts entries with a scheme.
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
    # A domain with a leading dot means the same as one without.
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
