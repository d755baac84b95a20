import asyncio
import gzip
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import Principal
from rerankq_gateway.asgi import body, request
from rerankq_gateway.asgi.body import LEAST_BYTES
from rerankq_gateway.asgi.request import HotRequest, Message
from rerankq_gateway.errors import GatewayError
from running.asgi import Exchange

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST = 100_000
PACKINGS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}


def read(exchange: Exchange, most: int = MOST) -> bytes:
    return asyncio.run(body(exchange.request, most=most))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in parts that end at these places."""
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]


@given(
    parts=st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    places=st.lists(st.integers(0, 10_000), max_size=5),
    packing=st.sampled_from(["", "identity", "gzip", "zstd"]),
)
def test_a_body_is_the_same_however_it_is_packed_and_cut(
    parts: list[bytes], places: list[int], packing: str
) -> None:
    """Packed or not, of one member or several, cut anywhere: the body is what was packed."""
    pack = PACKINGS.get(packing, bytes)
    headers = [("content-encoding", packing)] if packing else []
    sent = b"".join(map(pack, parts))
    assert read(Exchange(parts=cut(sent, places), headers=headers)) == b"".join(parts)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_small_body_that_unpacks_to_a_large_one_is_refused(packing: str) -> None:
    """The cap holds for what is unpacked, and no more than a portion over it is unpacked."""
    pack = PACKINGS[packing]
    bomb = pack(bytes(50 * 1024 * 1024))
    with pytest.raises(GatewayError) as caught:
        read(Exchange(parts=[bomb], headers=[("content-encoding", packing)]))
    assert caught.value.problem.status == 413


def test_a_body_ends_with_the_token_of_its_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body may take hours to come: whoever would not be let in any more sends no more of it."""
    monkeypatch.setattr(request, "AGAIN_SECONDS", 0.0)
    exchange = Exchange(parts=[b"a", b"b", b"c"])

    async def admit() -> Principal:
        if exchange.taken == 2:
            raise GatewayError(401, "invalid_api_key", "it is not known")
        return Principal()

    exchange.request.admit_again = admit
    with pytest.raises(GatewayError) as caught:
        read(exchange)
    assert (caught.value.problem.status, exchange.taken) == (401, 2)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_body_may_have_many_empty_members(packing: str) -> None:
    """As many as fit: none is a fault of ours."""
    sent = PACKINGS[packing](b"") * 3_000 + PACKINGS[packing](b"the end")
    assert read(Exchange(parts=[sent], headers=[("content-encoding", packing)])) == b"the end"


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_others_have_their_turn_while_a_body_is_unpacked(packing: str) -> None:
    """A few bytes can unpack to a gigabyte, and callers wait meanwhile."""
    sent = PACKINGS[packing](bytes(20 * 1024 * 1024))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def unpacked() -> None:
        others = asyncio.create_task(count())
        exchange = Exchange(parts=[sent], headers=[("content-encoding", packing)])
        await body(exchange.request, most=2**30)
        others.cancel()

    asyncio.run(unpacked())
    assert turns >= 80


def test_a_body_over_the_cap_is_refused_by_its_length_alone() -> None:
    """Nothing of it is read."""
    exchange = Exchange(parts=[b"x" * 10], headers=[("content-length", str(MOST + 1))])
    with pytest.raises(GatewayError) as caught:
        read(exchange)
    assert (caught.value.problem.status, exchange.taken) == (413, 0)


def test_a_body_without_a_length_is_read_up_to_the_cap() -> None:
    """A chunked body is refused as soon as it is over the cap."""
    exchange = Exchange(parts=[b"x" * 60_000] * 10)
    with pytest.raises(GatewayError) as caught:
        read(exchange)
    assert (caught.value.problem.status, exchange.taken) == (413, 2)


@pytest.mark.parametrize(
    ("headers", "parts", "status"),
    [
        ([("content-encoding", "br")], [b"x"], 415),
        ([("content-encoding", "gzip")], [b"no gzip"], 400),
        ([("content-encoding", "gzip")], [gzip.compress(b"x" * 1000)[:-4]], 400),
        ([("content-encoding", "zstd")], [zstd.compress(b"x" * 1000)[:-4]], 400),
        ([("content-length", "-1")], [b""], 400),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    headers: list[tuple[str, str]], parts: list[bytes], status: int
) -> None:
    """An unknown packing is 415; a damaged or cut one is 400, never a shorter body."""
    with pytest.raises(GatewayError) as caught:
        read(Exchange(parts=parts, headers=headers))
    assert caught.value.problem.status == status


def test_an_early_answer_is_sent_before_the_rest_of_the_body_is_dropped() -> None:
    """The answer is whole before the body is, and the connection is closed after it."""
    exchange = Exchange(parts=[b"x"] * 3, headers=[("content-length", "3")])
    asyncio.run(exchange.request.answer(413, b"{}"))
    assert exchange.headers["connection"] == "close"
    assert (exchange.body, exchange.taken) == (b"{}", 3)
    assert [each.get("more_body", False) for each in exchange.sent] == [False, True, False]


@pytest.mark.parametrize(("piece", "status"), [(b"x", 408), (b"x" * LEAST_BYTES, 200)])
def test_a_body_that_hardly_comes_is_given_up(piece: bytes, status: int) -> None:
    """A byte now and then is not enough; a slow body of which enough comes is read."""

    async def slowly() -> int:
        exchange = Exchange(parts=[piece] * 30)
        given = exchange.request._receive  # noqa: SLF001

        async def receive() -> Message:
            await asyncio.sleep(0.01)
            return await given()

        request = HotRequest(exchange.scope, receive, exchange.send, idle_seconds=0.1)
        try:
            await body(request, most=10**9)
        except GatewayError as error:
            return error.problem.status
        return 200

    assert asyncio.run(slowly()) == status
