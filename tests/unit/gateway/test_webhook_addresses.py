"""Where webhooks may lead."""

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from rerankq_gateway.webhooks.addresses import Addresses, ForbiddenAddress, GuardedResolver
from rerankq_gateway.webhooks.names import Names as SystemNames
from rerankq_gateway.webhooks.sender import Sender

PUBLIC = (
    "8.8.8.8",
    "2606:4700:4700::1111",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "::ffff:8.8.8.8",
)
PRIVATE = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1"),
    # Those that carry a private IPv4 address: mapped, compatible, NAT64, 6to4, Teredo.
    *("::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:db8::1"),
    "no address",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    """A public address may be called, also when another form carries it."""
    assert Addresses().allows(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_other_address_may_be_called(address: str) -> None:
    """Loopback, private, link-local, reserved and multicast addresses are refused in any form."""
    assert not Addresses().allows(address)


def test_the_operator_can_allow_networks() -> None:
    """Networks that are named are allowed, also for addresses that carry theirs; no others are."""
    addresses = Addresses(("10.0.0.0/8", "::1"))
    allowed = ("10.1.2.3", "::ffff:10.1.2.3", "::1", "8.8.8.8")
    assert all(addresses.allows(each) for each in allowed)
    assert not any(addresses.allows(each) for each in ("192.168.1.1", "127.0.0.1", "fc00::1"))


class Names(AbstractResolver):
    """Resolves every name to the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """They."""
        del family
        return [
            ResolveResult(hostname=host, host=each, port=port, family=2, proto=6, flags=0)
            for each in self._addresses
        ]

    async def close(self) -> None:
        """Nothing to do."""


def test_a_name_is_refused_for_one_private_address() -> None:
    """A name with one public and one private address is refused as a whole."""
    public = GuardedResolver(Addresses(), Names("8.8.8.8"))
    assert [each["host"] for each in asyncio.run(public.resolve("a.example", 443))] == ["8.8.8.8"]
    both = GuardedResolver(Addresses(), Names("8.8.8.8", "127.0.0.1"))
    with pytest.raises(ForbiddenAddress):
        asyncio.run(both.resolve("a.example", 443))


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/", "https://127.0.0.1/", "https://[::1]:8443/", "https://10.0.0.1"),
        *("https://169.254.169.254/latest/meta-data", "https://[::ffff:7f00:1]/"),
        *("https://2130706433/", "https://127.1/", "https://127.0.0.1./", "https://0/"),
        *("ftp://example.com/", "https://"),
    ],
)
def test_a_url_can_be_refused_without_a_call(url: str) -> None:
    """A URL without TLS, or whose host is an address that is not public, is refused at once."""
    assert Sender(Addresses(), allow_http=False).refusal(url)


def test_a_public_url_is_not_refused() -> None:
    """A name or a public address by https is taken; http if that is allowed."""
    assert not Sender(Addresses(), allow_http=False).refusal("https://example.com/a?b=c")
    assert not Sender(Addresses(), allow_http=False).refusal("https://8.8.8.8:8443/")
    assert not Sender(Addresses(), allow_http=True).refusal("http://example.com/")


@pytest.mark.parametrize("name", ["0x7f.1", "0x7f000001", "localhost", "localhost."])
def test_other_spellings_of_the_loopback_are_refused(name: str) -> None:
    """A name is judged by what it resolves to, whatever it looks like."""

    async def resolved() -> None:
        await GuardedResolver(Addresses(), SystemNames()).resolve(name, 443)

    assert Addresses().allows_host(name)
    # The system may not know such a name at all.
    with pytest.raises(OSError, match=r"^$|."):
        asyncio.run(resolved())
