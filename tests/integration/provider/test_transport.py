"""The transport with a server that sends exactly the bytes of each test."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import certifi
import httpx
import pytest

from rerankq_worker.provider import idle_connections
from rerankq_worker.provider.connection import MOST_BARREN_BYTES, MOST_WAITING_BYTES, Connection
from rerankq_worker.provider.transport import EndpointTransport, TooLateError
from rerankq_worker.provider.trust import Trust, trust
from running.certificates import server_context
from running.connections import NO_REST
from running.raw_server import RawServer, read_all, read_request

SECONDS = 30.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REQUEST = b"POST /path?query=1 HTTP/1.1\r\nHost: test\r\nContent-Length: 7\r\n\r\ncontent"
LARGE = b"x" * 8 * 1024 * 1024


@dataclass
class Server:
    """Answers the requests of each connection with these bytes in turn, then closes it.

    Attributes:
        answers: what to send for each request; None sends nothing.
        connections: how many there have been.
        requests: what was received.
        asked: set when a request has come.
        ended: set when a connection has ended, on both sides.
        serving: tasks, one a connection.
    """

    answers: Sequence[bytes | None] = (OK,)
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    serving: list["asyncio.Task[None] | None"] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        self.connections += 1
        self.serving.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            for answer in self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(len("content")))
                self.asked.set()
                if answer is None:
                    await reader.read()
                else:
                    writer.write(answer)
                    await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
                # Wait until the other side has seen it.
                await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.ended.set()


@dataclass
class Answer:
    """An answer, and how it breaks the rules."""

    status: int
    content: bytes
    sloppy: str | None


@dataclass
class Caller:
    """Sends requests by a transport."""

    transport: EndpointTransport

    async def send(self) -> Connection:
        """Send a request; returns the connection after the head of the answer has come."""
        return await self.transport.exchange(REQUEST)

    async def ask(self) -> Answer:
        """Send a request; returns the whole answer."""
        connection, content = await self.send(), b""
        try:
            while chunk := await connection.chunk():
                content += chunk
        finally:
            self.transport.release(connection)
        return Answer(connection.status, content, connection.sloppy)


@asynccontextmanager
async def caller_of(
    server: Server, *, secure: ssl.SSLContext | None = None, trusted: Path | None = None
) -> AsyncIterator[Caller]:
    """A caller for a listening server."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=secure)
    host, port = listening.sockets[0].getsockname()
    url = httpx.URL(f"{'https' if secure else 'http'}://{host}:{port}/path?query=1")
    trust = Trust(trusted or Path(certifi.where()), "the test's CAs")
    transport = EndpointTransport(url, trust, connect_seconds=SECONDS)
    async with listening, asyncio.timeout(SECONDS):
        yield Caller(transport)
        transport.close()
    await asyncio.gather(*filter(None, server.serving))


def run(test: Callable[[Caller, Server], Awaitable[None]], *answers: bytes | None) -> Server:
    """Run a test against a server that gives these answers."""

    async def body() -> Server:
        server = Server(answers)
        async with caller_of(server) as caller:
            await test(caller, server)
        return server

    return asyncio.run(body())


@pytest.fixture
def _unrested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are used again at once."""
    monkeypatch.setattr(idle_connections, "REST", NO_REST)


@pytest.mark.usefixtures("_unrested")
def test_requests_follow_each_other_on_a_connection() -> None:
    """A connection whose answer was read to its end carries the next request."""

    async def test(caller: Caller, _server: Server) -> None:
        for _ in range(3):
            assert (await caller.ask()).content == b"ok"

    server = run(test, OK, OK, OK)
    assert server.connections == 1
    assert server.requests == [REQUEST] * 3


def test_nothing_is_sent_if_the_call_may_not_begin_any_more() -> None:
    """`may_begin` is called after a connection was made, because that can take seconds."""

    async def test(caller: Caller, server: Server) -> None:
        with pytest.raises(TooLateError):
            await caller.transport.exchange(REQUEST, lambda: server.connections == 0)
        await server.ended.wait()

    server = run(test, OK)
    assert (server.connections, server.requests) == (1, [])


@pytest.mark.usefixtures("_unrested")
def test_as_many_connections_as_calls() -> None:
    """Calls at the same time each have a connection, and later calls use these again."""

    async def test(caller: Caller, server: Server) -> None:
        for _ in range(2):
            await asyncio.gather(*(caller.ask() for _ in range(20)))
            assert server.connections == 20

    run(test, OK, OK)


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
        (CHUNKED + b"2\r\nok\r\n0\r\nTrailer: x\r\n\r\n", b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nas long as it lasts", b"as long as it lasts"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (OK + OK, b"ok"),
    ],
    ids=["chunked", "trailer", "until closed", "notices", "empty", "closing", "twice"],
)
def test_every_form_of_answer_is_read(answer: bytes, content: bytes) -> None:
    """An answer in any form is read completely, and nothing after it."""

    async def test(caller: Caller, _: Server) -> None:
        response = await caller.ask()
        assert (response.status, response.content) == (200, content)

    run(test, answer)


@pytest.mark.usefixtures("_unrested")
def test_an_answer_too_many_is_not_used() -> None:
    """An answer to no request ends the connection: the next request must not get it."""

    async def test(caller: Caller, server: Server) -> None:
        forged = OK.replace(b"ok", b"no")
        server.answers = (OK + forged, OK)
        assert (await caller.ask()).content == b"ok"
        await server.ended.wait()
        server.answers = (OK,)
        assert (await caller.ask()).content == b"ok"

    assert run(test).connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        CHUNKED + b"2\r\nok\r\n",
        b"no HTTP\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 8 * MOST_BARREN_BYTES,
    ],
    ids=["none", "cut head", "cut body", "cut chunks", "no HTTP", "upgrade", "endless head"],
)
def test_an_incomplete_answer_is_an_error(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that is cut off, endless or no HTTP raises a TransportError."""

    async def test(caller: Caller, server: Server) -> None:
        with pytest.raises(httpx.TransportError) as caught:
            await caller.ask()
        assert not isinstance(caught.value, httpx.ConnectError | httpx.ConnectTimeout)
        await server.ended.wait()

    run(test, answer)
    assert caplog.records == []


@pytest.mark.usefixtures("_unrested")
def test_a_connection_that_ended_while_idle_is_not_used() -> None:
    """If the other side has closed a kept connection, the next request uses a new one."""

    async def test(caller: Caller, server: Server) -> None:
        for _ in range(3):
            await caller.ask()
            await server.ended.wait()
            server.ended.clear()

    assert run(test, OK).connections == 3


def test_a_connection_rests_before_it_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that follow an answer within a moment come while no call uses the connection."""

    async def test(caller: Caller, server: Server) -> None:
        monkeypatch.setattr(idle_connections, "REST", replace(NO_REST, spare=SECONDS))
        await caller.ask()
        await caller.ask()
        assert server.connections == 2
        monkeypatch.setattr(idle_connections, "REST", NO_REST)
        await caller.ask()
        assert server.connections == 2

    run(test, OK, OK)


@pytest.mark.usefixtures("_unrested")
@pytest.mark.parametrize("status", [b"408", b"429", b"500", b"502", b"503", b"504"])
def test_after_an_error_a_connection_is_not_used_again(status: bytes) -> None:
    """A connection is closed after an error, because the late answer may still come."""

    async def test(caller: Caller, server: Server) -> None:
        server.answers = (OK.replace(b"200", status), OK)
        await caller.ask()
        server.answers = (OK,)
        assert (await caller.ask()).content == b"ok"

    assert run(test).connections == 2


ODD = {
    "length beside chunks": CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n")
    + b"2\r\nok\r\n0\r\n\r\n",
    "padded chunk size": CHUNKED + b"2  \r\nok\r\n0\r\n\r\n",
    "odd second chunk": CHUNKED + b"1\r\no\r\n1 ; a = b\r\nk\r\n0\r\n\r\n",
    "odd trailer": CHUNKED + b"2\r\nok\r\n0\r\nno colon\r\n\r\n",
    "no end of chunks": CHUNKED + b"2\r\nok\r\n0\r\n",
    "length twice": OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n"),
    "bare lines": OK.replace(b"\r", b""),
    "control sign": OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=\x01\r\n\r\n"),
    "folded": OK.replace(b"\r\n\r\n", b"\r\nX-Note: a\r\n b\r\n\r\n"),
}


@pytest.mark.usefixtures("_unrested")
@pytest.mark.parametrize("whole", [True, False], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_a_sloppy_answer_is_read_and_ends_its_connection(answer: bytes, *, whole: bool) -> None:
    """A sloppy answer that curl reads is read; the fault is reported, the connection closed."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        for part in [answer] if whole else [bytes([each]) for each in answer]:
            connection.sendall(part)
        if not answer.endswith(b"0\r\n"):
            read_all(connection)

    async def asked(server: RawServer) -> None:
        transport = EndpointTransport(httpx.URL(server.url), trust(), connect_seconds=SECONDS)
        async with asyncio.timeout(SECONDS):
            for _ in range(2):
                answer = await Caller(transport).ask()
                assert (answer.status, answer.content) == (200, b"ok")
                assert answer.sloppy

    with RawServer(serve) as server:
        asyncio.run(asked(server))
        assert server.connections == 2


@pytest.mark.usefixtures("_unrested")
def test_nobody_gets_the_rest_of_anothers_answer() -> None:
    """A connection is closed if its answer was not read to its end, or not waited for."""

    async def test(caller: Caller, server: Server) -> None:
        server.answers = (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",)
        caller.transport.release(await caller.send())
        server.answers = (None,)
        server.asked.clear()
        waiting = asyncio.create_task(caller.ask())
        await server.asked.wait()
        server.ended.clear()
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        await server.ended.wait()
        server.answers = (OK,)
        assert (await caller.ask()).content == b"ok"

    assert run(test).connections == 3


@pytest.mark.usefixtures("_unrested")
def test_an_answer_waits_for_its_reader() -> None:
    """Unread bytes of an answer are received only up to a limit; a reader gets all of them."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(LARGE), LARGE)

    async def test(caller: Caller, _: Server) -> None:
        assert (await caller.ask()).content == LARGE
        connection, chunks = await caller.send(), []
        while chunk := await connection.chunk():
            chunks.append(chunk)
        assert max(map(len, chunks)) <= 2 * MOST_WAITING_BYTES
        assert b"".join(chunks) == LARGE
        caller.transport.release(connection)

    assert run(test, answer, answer).connections == 1


@pytest.mark.usefixtures("_unrested")
def test_tls_needs_a_trusted_certificate(tmp_path: Path) -> None:
    """Over TLS an answer is read as usual; with an unknown certificate there is no connection."""

    async def test() -> None:
        secure = server_context(tmp_path)
        server = Server((OK, OK))
        trusted = tmp_path / "ca.pem"
        async with caller_of(server, secure=secure, trusted=trusted) as caller:
            for _ in range(2):
                assert (await caller.ask()).content == b"ok"
        assert server.connections == 1
        async with caller_of(Server(), secure=secure) as caller:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await caller.ask()

    asyncio.run(test())
