"""Where a webhook may lead: to public addresses, and to networks that the operator has named.

A webhook's URL comes from a user. Without this it could make the gateway call what only the gateway
can reach: the metadata service of a cloud, a database, the gateway itself.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
_V4_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_SITE_LOCAL: Final = ipaddress.IPv6Network("fec0::/10")
_LAST_32: Final = 0xFFFFFFFF


class ForbiddenAddress(OSError):
    """The host has an address that webhooks must not reach."""


class Addresses:
    """Which addresses may be called.

    Args:
        networks: those that are allowed though they are not public.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._allowed = tuple(ipaddress.ip_network(each, strict=False) for each in networks)

    def allows(self, address: str) -> bool:
        """Whether a webhook may lead there. An address that carries another counts as both."""
        try:
            # A scope, as in fe80::1%eth0, names an interface of this machine.
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        inner = _embedded(found)
        return self._may(found if inner is None else inner)

    def allows_host(self, host: str) -> bool:
        """The same for the host of a URL; True for a name, which the resolver judges later.

        aiohttp passes what looks like an address to the system without the resolver, and that also
        takes 2130706433 and 127.1 for addresses: so a host of digits must be one that is allowed.
        """
        looks_like_one = ":" in host or host.replace(".", "").isdigit()
        return self.allows(host) if looks_like_one else bool(host)

    def _may(self, address: Address) -> bool:
        if any(address in each for each in self._allowed if each.version == address.version):
            return True
        return _is_public(address)


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if address.is_unspecified or address.is_loopback or address.is_link_local:
        return False
    return address not in _SITE_LOCAL if isinstance(address, ipaddress.IPv6Address) else True


def _embedded(address: Address) -> Address | None:
    """The IPv4 address to which a gateway on the way would lead; None when there is none."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    carries = any(address in each for each in (_NAT64, _NAT64_LOCAL, _V4_COMPATIBLE))
    if carries and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & _LAST_32)
    return None


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses a name if any of its addresses must not be reached.

    The connection is made to the addresses that this returns, so a name that leads elsewhere a
    moment later changes nothing.

    Args:
        addresses: which may be reached.
        resolver: resolves names.
    """

    def __init__(self, addresses: Addresses, resolver: AbstractResolver) -> None:
        self._addresses = addresses
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name.

        Raises:
            ForbiddenAddress: one of them must not be reached.
            OSError: the name cannot be resolved.
        """
        found = await self._resolver.resolve(host, port, family)
        if not all(self._addresses.allows(each["host"]) for each in found):
            raise ForbiddenAddress
        return found

    async def close(self) -> None:
        """End the resolver."""
        await self._resolver.close()
