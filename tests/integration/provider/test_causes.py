"""Why there is no answer: real servers that fail in each way, and what the error says."""

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.provider import HttpProvider
from rerankq_worker.provider.trust import CA_VARIABLES
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.errors import Cause, Transient, Unreachable, UpstreamError
from rerankq_worker.upstream.port import Call
from running.certificates import server_context
from running.raw_server import RawServer, Serve, read_all, read_request
from running.redis_server import free_port

KEY = "sk-CANARY-of-the-account"
LONG = RerankRequest(query="how to avoid a cold", documents=("wash your hands " * 8_000,) * 60)
SHORT = RerankRequest(query="how to avoid a cold", documents=("wash your hands",))


async def met(url: str, *, seconds: float = 10, request: RerankRequest = SHORT) -> UpstreamError:
    """The error of one call."""
    async with HttpProvider(url=url, dialect=DIALECTS["dmxapi"](), call_seconds=seconds) as made:
        with pytest.raises(UpstreamError) as caught:
            await made.rerank(Call("job-1", 1, request, "m", KEY))
    assert "sk-CANARY" not in str(caught.value)
    return caught.value


def reads_no_more(connection: socket.socket) -> None:
    """Read only the beginning of a request."""
    connection.recv(1)
    threading.Event().wait(2)


def saying(answer: bytes, *, hangs: bool = False) -> Serve:
    """Answer with these bytes, then close the connection, or keep it open if `hangs`."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)
        if hangs:
            read_all(connection)

    return serve


@pytest.mark.parametrize(
    ("url", "cause", "words"),
    [
        (
            "http://127.0.0.1:{port}/",
            Cause.CONNECTION_REFUSED,
            "nothing listens at 127.0.0.1:{port}",
        ),
        ("https://127.0.0.1:{port}/", Cause.CONNECTION_REFUSED, "nothing listens at"),
        ("http://rerank.invalid/", Cause.DNS, "the host name rerank.invalid is not resolved"),
    ],
)
def test_an_upstream_that_cannot_be_reached_is_named(url: str, cause: Cause, words: str) -> None:
    """If no connection can be made, the upstream saw no request, and the error says why."""
    port = free_port()
    error = asyncio.run(met(url.format(port=port)))
    assert type(error) is Unreachable
    assert error.cause is cause
    assert words.format(port=port) in str(error)
    assert "RERANKQ_UPSTREAM_URL" in str(error)


@pytest.mark.parametrize(
    ("names", "trusted", "words"),
    [
        ("IP:127.0.0.1", False, "checked against the CAs of the certifi package"),
        ("DNS:other.example", True, "is for other.example, and not for 127.0.0.1"),
    ],
    ids=["unknown CA", "other name"],
)
def test_a_refused_certificate_is_explained(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    names: str,
    words: str,
    *,
    trusted: bool,
) -> None:
    """The error names the CAs that were trusted, or the names in the certificate."""
    for variable in CA_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    secure = server_context(tmp_path, names)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    with RawServer(read_all, secure) as server:
        error = asyncio.run(met(server.url))
    assert type(error) is Unreachable
    assert error.cause is Cause.CERTIFICATE
    assert words in str(error)
    assert trusted or "SSL_CERT_FILE" in str(error)


def test_a_server_without_tls_is_named() -> None:
    """https:// to a port with plain HTTP is reported as missing TLS, not as a wrong certificate."""

    def serve(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with RawServer(serve) as server:
        error = asyncio.run(met(server.url.replace("http", "https"), seconds=4))
    assert (type(error), error.cause) == (Unreachable, Cause.TLS)


@pytest.mark.parametrize(
    ("serve", "request_", "cause"),
    [
        (reads_no_more, LONG, Cause.SEND_TIMEOUT),
        (read_all, SHORT, Cause.ANSWER_TIMEOUT),
        (
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", hangs=True),
            SHORT,
            Cause.BODY_TIMEOUT,
        ),
        (saying(b""), SHORT, Cause.CONNECTION_LOST),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), SHORT, Cause.CONNECTION_LOST),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), SHORT, Cause.NO_HTTP),
    ],
    ids=["sending", "no answer", "half an answer", "closed", "cut", "another protocol"],
)
def test_an_error_says_how_far_the_call_came(
    serve: Serve, request_: RerankRequest, cause: Cause
) -> None:
    """A call that failed after it began may have been billed: the error says how far it came."""
    with RawServer(serve) as server:
        error = asyncio.run(met(server.url, seconds=1, request=request_))
    assert (type(error), error.cause) == (Transient, cause)
