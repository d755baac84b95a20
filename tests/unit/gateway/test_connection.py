import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from rerankq_gateway import connection
from rerankq_gateway.asgi.request import AsgiScope, Receive, Send
from rerankq_gateway.connection import MOST_HEADER_BYTES, BoundedConnection

SECONDS = 30


async def app(_scope: AsgiScope, _receive: Receive, send: Send) -> None:
    """Answers 204."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server."""
    config = uvicorn.Config(app, http=BoundedConnection, lifespan="off", log_config=None)
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


def test_a_header_that_does_not_end_is_cut_off() -> None:
    """A header over the bound gets 431, and the connection is closed."""

    async def talk() -> bytes:
        async with connected() as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 204 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * MOST_HEADER_BYTES)
            return await asyncio.wait_for(reader.read(), SECONDS)

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 431 ")


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
