import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn

from rerankq_gateway import connection
from rerankq_gateway.asgi.request import AsgiScope, Receive, Send
from rerankq_gateway.connection import (
    MOST_HEADER_BYTES,
    MOST_HEADERS,
    MOST_URL_BYTES,
    BoundedConnection,
)

SECONDS = 30
App = Callable[[AsgiScope, Receive, Send], Awaitable[None]]


async def app(_scope: AsgiScope, _receive: Receive, send: Send) -> None:
    """Answers 204."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def connected(
    served: App = app,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server."""
    config = uvicorn.Config(served, http=BoundedConnection, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # `serve` would take the signals of the tests.
        serving = asyncio.create_task(server._serve([listener]))  # noqa: SLF001
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


WELL = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LONG_HEADER = b"GET / HTTP/1.1\r\nX: " + b"a" * MOST_HEADER_BYTES + b"\r\n\r\n"
MANY_LINES = b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * (MOST_HEADERS + 1) + b"\r\n"
LONG_URL = b"GET /" + b"a" * MOST_URL_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(LONG_HEADER, 431, id="a long header at once"),
        pytest.param(LONG_HEADER[:-4] + b"a" * MOST_URL_BYTES, 431, id="a line without an end"),
        pytest.param(MANY_LINES, 431, id="many lines"),
        pytest.param(LONG_URL, 414, id="a long address"),
        pytest.param(b"no request\r\n\r\n", 400, id="nonsense"),
    ],
)
def test_a_header_over_a_bound_is_refused(sent: bytes, status: int) -> None:
    """It is answered, and the connection is closed; one within the bounds is served."""

    async def talk() -> bytes:
        async with connected() as (reader, writer):
            writer.write(WELL)
            assert b" 204 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(sent)
            return await asyncio.wait_for(reader.read(), SECONDS)

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 %d " % status)


def test_a_wish_for_another_protocol_costs_no_body() -> None:
    """Java's own client wishes for HTTP/2: its requests are served, with their bodies."""
    head = b"POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    sent = head + b"HTTP2-Settings: AAM\r\nContent-Length: 24\r\n\r\n"
    bodies: list[bytes] = []

    async def reads(scope: AsgiScope, receive: Receive, send: Send) -> None:
        bodies.append((await receive())["body"])
        await app(scope, receive, send)

    async def talk() -> None:
        async with connected(reads) as (reader, writer):
            for _ in range(2):
                writer.write(sent + b"a\r\nUpgrade: b\r\n\r\n" + b"c" * 7)
                assert b" 204 " in await reader.readuntil(b"\r\n\r\n")

    asyncio.run(talk())
    assert bodies == [b"a\r\nUpgrade: b\r\n\r\nccccccc"] * 2


def test_a_caller_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of which nothing is taken for a while is given up."""
    monkeypatch.setattr(BoundedConnection, "idle_seconds", 0.1)
    over = asyncio.Event()

    async def large(_scope: AsgiScope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(50):
            message = {"type": "http.response.body", "body": bytes(1_000_000), "more_body": True}
            await send(message)
        over.set()

    async def talk() -> int:
        async with connected(large) as (reader, writer):
            writer.write(WELL)
            await asyncio.wait_for(over.wait(), SECONDS)
            return len(await asyncio.wait_for(reader.read(), SECONDS))

    assert asyncio.run(talk()) < 50_000_000


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n\r\nGET"])
def test_a_header_that_does_not_come_is_given_up(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """A connection that sends nothing, or only a part of a header, is closed after a while."""
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.1)

    async def talk() -> None:
        async with connected() as (reader, writer):
            writer.write(sent)
            await asyncio.wait_for(reader.read(), SECONDS)

    asyncio.run(talk())
