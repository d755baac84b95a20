"""Who may use `/_sandbox/`: programs on this machine, and no web page that a browser there shows.

A browser on this machine connects from loopback for every page that it shows, so the address of
the peer says too little. What a page cannot choose tells more: the headers `Origin` and
`Sec-Fetch-Site`, by which the browser says who is asking, and `Host`, by which it says what name
it was told to ask for. A foreign name in `Host` that leads to this machine is how a page gets
round the browser's own rules (DNS rebinding).
"""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

_HTTP_PORT: Final = 80
_OWN_SITES: Final = ("same-origin", "none")
"""Values of `Sec-Fetch-Site`: our own page, and the user's own hand."""


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
    """Why a request may not do what operators do; None if it may.

    Args:
        remote: address of the peer.
        headers: of the request, by names of any case.
        port: on which the request came.
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
