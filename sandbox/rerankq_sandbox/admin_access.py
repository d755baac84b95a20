"""Who may use `/_sandbox/`: programs on this machine, but no web page in a browser on it.

A browser on this machine connects from loopback for any page, so the peer's address is not enough.
A page cannot choose the headers `Origin` and `Sec-Fetch-Site`, which tell who is asking, nor
`Host`, which tells the name in the URL. A foreign name in `Host` that resolves to this machine is
an attempt to get around the browser's own rules (DNS rebinding).
"""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

_HTTP_PORT: Final = 80
_OWN_SITES: Final = ("same-origin", "none")
"""Values of `Sec-Fetch-Site` for a page of this server, and for a URL that the user typed."""


def is_local(remote: str | None) -> bool:
    """Whether a peer's address is this machine's loopback."""
    try:
        address = ip_address(remote or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def refusal_of(remote: str | None, headers: Mapping[str, str], port: int) -> str | None:
    """Why a request may not use `/_sandbox/`; None if it may.

    Args:
        remote: address of the peer.
        headers: the request's headers, by names of any case.
        port: the port on which the request came.
    """
    if not is_local(remote):
        return "only this machine may do that"
    host = headers.get("Host", "")
    if not _is_own_host(host, port):
        return f"Host must be localhost or a loopback address, with the port {port}"
    if headers.get("Origin", f"http://{host}") != f"http://{host}":
        return "no page of another origin may do that"
    if headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES:
        return "no page of another site may do that"
    return None


def _is_own_host(host: str, port: int) -> bool:
    try:
        parts = urlsplit(f"//{host}")
        name, given = parts.hostname or "", parts.port or _HTTP_PORT
    except ValueError:
        return False
    if parts.netloc != host or parts.username is not None:
        return False
    return given == port and (name == "localhost" or is_local(name))
