"""Calls through a real HTTP proxy, and the errors if it refuses them."""

import asyncio
import socket
import ssl
from pathlib import Path

import orjson
import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.provider import HttpProvider, idle_connections
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.errors import Cause, Unreachable, UpstreamError
from rerankq_worker.upstream.port import Call
from running.certificates import server_context
from running.connections import NO_REST
from running.http_proxy import HttpProxy
from running.raw_server import RawServer, read_request
from running.redis_server import free_port

LOGIN = "Basic bWU6c2VjcmV0"  # me:secret
CALLS = 3


def ranking(connection: socket.socket) -> None:
    """Answer each request with a ranking."""
    body = orjson.dumps({"results": [{"index": 0, "relevance_score": 0.5}]})
    while True:
        head, _ = read_request(connection)
        # Every byte in the tunnel must be from the client, not from the proxy.
        assert not isinstance(connection, ssl.SSLSocket) or b"Proxy-" not in head
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def asked(url: str) -> UpstreamError | None:
    """Make calls one after the other; returns the first error."""
    request = RerankRequest(query="q?", documents=("d",))
    async with HttpProvider(url=url, dialect=DIALECTS["dmxapi"](), call_seconds=20) as provider:
        for number in range(CALLS):
            try:
                await provider.rerank(Call(f"job-{number}", 1, request, "m", "sk-1"))
            except UpstreamError as error:
                return error
    return None


@pytest.mark.parametrize("to_proxy", ["http", "https"])
@pytest.mark.parametrize("to_upstream", ["http", "https"])
def test_calls_go_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, to_proxy: str, to_upstream: str
) -> None:
    """A proxy passes requests on, or opens a tunnel for TLS; only the proxy gets the login.

    The connection carries later calls too.
    """
    secure = server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setattr(idle_connections, "REST", NO_REST)
    proxy = HttpProxy(LOGIN)
    with (
        RawServer(ranking, secure if to_upstream == "https" else None) as upstream,
        RawServer(proxy, secure if to_proxy == "https" else None) as server,
    ):
        address = f"{to_proxy}://me:secret@127.0.0.1:{server.port}"
        monkeypatch.setenv(f"{to_upstream}_proxy", address)
        monkeypatch.setenv("no_proxy", "localhost")
        assert asyncio.run(asked(upstream.url)) is None
        assert upstream.connections == 1
        through = f"CONNECT 127.0.0.1:{upstream.port}" if to_upstream == "https" else "POST"
        assert [each.startswith(through) for each in proxy.asked] == [True]
        assert to_upstream == "https" or upstream.url in proxy.asked[0]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_login_says_so(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """A 407 is from the proxy, and the message says where user and password belong."""
    monkeypatch.setenv("no_proxy", "localhost")
    with RawServer(HttpProxy(LOGIN)) as server:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://me:wrong-secret@127.0.0.1:{server.port}")
        error = asyncio.run(asked(f"{scheme}://127.0.0.1:{free_port()}/"))
    assert error
    assert error.cause is Cause.PROXY
    assert "407" in str(error)
    assert "password" in str(error)
    assert "secret" not in str(error)


def test_a_proxy_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the proxy is down, the error names the proxy and not the upstream."""
    port = free_port()
    monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{port}")
    monkeypatch.delenv("no_proxy", raising=False)
    error = asyncio.run(asked("https://upstream.example/"))
    assert type(error) is Unreachable
    assert error.cause is Cause.PROXY
    assert f"127.0.0.1:{port}" in str(error)
    assert "secret" not in str(error)
