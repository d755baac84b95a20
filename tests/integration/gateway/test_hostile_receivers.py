"""What a receiver of webhooks can do to the gateway that calls it: nothing but fail."""

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from rerankq.client.webhooks import Delivery, Kind, Verdict
from rerankq.contract import TryOutcome
from rerankq_gateway.webhooks.addresses import Addresses
from rerankq_gateway.webhooks.sender import Sender
from running.raw_server import RawServer, read_request

CALL_SECONDS: Final = 1.0
OK: Final = b"HTTP/1.1 200 OK\r\n"
MOST_READ: Final = 64 << 20
"""The system's buffers are in it too. A receiver here would send a gigabyte."""
GIGABYTE: Final = 1 << 30


def url_of(server: RawServer, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{server.port}/hook"


def called(url: str, addresses: Addresses, resolver: AbstractResolver | None = None) -> Verdict:
    """The verdict on one call."""

    async def call() -> Verdict:
        delivery = Delivery(
            *(Kind.HTTP, "evt_1", "wh_1", "batch.completed", "b", 1.0, 1, url),
            secrets=("whsec_" + "A" * 43 + "=",),
        )
        named = {} if resolver is None else {"resolver": lambda: resolver}
        sender = Sender(addresses, allow_http=True, call_seconds=CALL_SECONDS, **named)
        async with asyncio.timeout(30), sender:
            return await sender.send(delivery)

    return asyncio.run(call())


def sends(parts: Callable[[], Iterator[bytes]], sent: list[int]) -> Callable[[socket.socket], None]:
    """Answers with these parts, and notes how many bytes were taken."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        count = 0
        try:
            for part in parts():
                connection.sendall(part)
                count += len(part)
        except OSError:
            pass
        finally:
            sent.append(count)

    return serve


def endless(head: bytes, part: bytes) -> Callable[[], Iterator[bytes]]:
    """A head, and then a gigabyte in parts."""
    return lambda: itertools.chain([head], itertools.repeat(part, GIGABYTE // len(part)))


TEXT: Final = b"a" * 65536
LENGTH: Final = b"content-length: 1073741824\r\n"


@pytest.mark.parametrize(
    ("parts", "outcome", "reason"),
    [
        pytest.param(endless(OK + LENGTH + b"\r\n", TEXT), "delivered", "", id="a body"),
        pytest.param(
            endless(OK + LENGTH + b"content-encoding: gzip\r\n\r\n", TEXT),
            "delivered",
            "",
            id="gzip",
        ),
        pytest.param(
            endless(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 9999),
            *("delivered", ""),
            id="chunks",
        ),
        pytest.param(endless(OK, b"a: b\r\n" * 9999), "failed", "is no HTTP", id="headers"),
        pytest.param(endless(OK + b"a: ", TEXT), "failed", "is no HTTP", id="a long header"),
        pytest.param(endless(b"HTTP/1.1 200 ", TEXT), "failed", "is no HTTP", id="a long line"),
        pytest.param(endless(b"", TEXT), "failed", "is no HTTP", id="no HTTP"),
        pytest.param(
            endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
            *("failed", "interim answers"),
            id="interim answers",
        ),
    ],
)
def test_an_answer_without_an_end_is_left_at_once(
    parts: Callable[[], Iterator[bytes]], outcome: str, reason: str
) -> None:
    """The head is bounded, the body is not read, and a gigabyte stays with the receiver."""
    sent: list[int] = []
    with RawServer(sends(parts, sent)) as server:
        verdict = called(url_of(server), Addresses(("127.0.0.1",)))
    assert (verdict.outcome, reason in verdict.reason) == (outcome, True), verdict
    assert sent[0] < MOST_READ


@pytest.mark.parametrize("said", [b"", OK + b"a: b\r\n"])
def test_an_answer_that_does_not_come_is_given_up(said: bytes) -> None:
    """A receiver that is silent, from the start or within its head, costs the time of one call."""

    def silent(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(said)
        connection.recv(1)

    with RawServer(silent) as server:
        verdict = called(url_of(server), Addresses(("127.0.0.1",)))
    assert (verdict.outcome, verdict.reason) == (TryOutcome.FAILED, "it did not answer in time")
    assert verdict.ms > 900 * CALL_SECONDS


class Changing(AbstractResolver):
    """Resolves a name to other addresses each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The next ones."""
        del family
        return [
            ResolveResult(hostname=host, host=each, port=port, family=2, proto=6, flags=0)
            for each in self.answers.pop(0)
        ]

    async def close(self) -> None:
        """Nothing to do."""


@pytest.mark.parametrize(
    "addresses",
    [
        *(["127.0.0.2"], ["169.254.169.254"], ["::ffff:127.0.0.2"], ["::ffff:a9fe:a9fe"], ["::1"]),
        ["127.0.0.1", "169.254.169.254"],
    ],
    ids=str,
)
def test_a_name_that_leads_inside_is_not_called(addresses: list[str]) -> None:
    """Nothing is connected to if one of a name's addresses is not allowed, in whatever form."""
    with RawServer(sends(lambda: iter([OK + b"\r\n"]), [])) as server:
        verdict = called(
            url_of(server, "rebinding.example"), Addresses(("127.0.0.1",)), Changing(addresses)
        )
        assert server.connections == 0
    assert verdict.outcome is TryOutcome.FAILED
    assert "private address" in verdict.reason


def test_a_name_is_resolved_once_for_a_call() -> None:
    """What was checked is connected to; where the name leads a moment later changes nothing."""
    names = Changing(["127.0.0.1"], ["127.0.0.2"])
    with RawServer(sends(lambda: iter([OK + LENGTH + b"\r\n"]), [])) as server:
        url, allowed = url_of(server, "rebinding.example"), Addresses(("127.0.0.1",))
        first = called(url, allowed, names)
        assert (first.outcome, server.connections, len(names.answers)) == ("delivered", 1, 1)
        second = called(url, allowed, names)
        assert (second.outcome, server.connections, names.answers) == ("failed", 1, [])
