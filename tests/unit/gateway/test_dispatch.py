import asyncio
import logging

import pytest

from rerankq.errors import JobNotFound
from rerankq_gateway.access.gate import Gate
from rerankq_gateway.asgi import HotHandler, HotRequest
from rerankq_gateway.asgi.dispatch import Dispatch
from rerankq_gateway.asgi.request import AsgiScope, Receive, Send
from rerankq_gateway.settings import GatewaySettings
from running.asgi import Exchange

UNSEEN = "a document that nobody may see"


async def unknown(_scope: AsgiScope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("FastAPI is not asked")


def serve(exchange: Exchange, handler: HotHandler, root_path: str = "") -> Exchange:
    dispatch = Dispatch(
        hot={("POST", "/it"): handler},
        cold=unknown,
        gate=Gate(GatewaySettings()),
        root_path=root_path,
        open_paths=frozenset(),
    )
    asyncio.run(dispatch(exchange.scope, exchange.receive, exchange.send))
    return exchange


async def well(request: HotRequest) -> None:
    await request.answer(200, b"{}")


LOCAL = ("host", "localhost:8080")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-1", True), ("x" * 128, True), ("x" * 129, False), ("", False), ("a b", False)],
)
def test_the_callers_request_id_is_kept_if_it_is_sound(given: str, *, kept: bool) -> None:
    """1 to 128 visible ASCII characters are kept; anything else gets a new id."""
    exchange = serve(Exchange(path="/it", headers=[LOCAL, ("x-request-id", given)]), well)
    answered = exchange.headers["x-request-id"]
    assert (answered == given) is kept
    assert answered


def test_an_error_becomes_an_answer() -> None:
    """Errors of rerankq are answered by the table, with the request's id."""

    async def missing(_: HotRequest) -> None:
        raise JobNotFound("no job has the id x")

    exchange = serve(Exchange(path="/it", headers=[LOCAL, ("x-request-id", "r1")]), missing)
    assert (exchange.status, exchange.json()["request_id"]) == (404, "r1")


def test_an_unforeseen_error_says_nothing_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the answer nor the log has its message or a traceback; the log has its place."""

    async def broken(_: HotRequest) -> None:
        raise ValueError(UNSEEN)

    with caplog.at_level(logging.DEBUG):
        exchange = serve(Exchange(path="/it", headers=[LOCAL]), broken)
    assert exchange.status == 500
    assert UNSEEN not in exchange.body.decode() + caplog.text
    assert "ValueError at test_dispatch.py:" in caplog.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("host", "localhost")], 200),
        ([("host", "127.0.0.1:8080")], 200),
        ([("host", "[::1]:8080")], 200),
        ([("host", "attacker.example")], 403),
        ([("host", "127.0.0.1.attacker.example")], 403),
        ([], 403),
        ([LOCAL, ("origin", "http://localhost:8080")], 403),
        ([LOCAL, ("origin", "null")], 403),
    ],
)
def test_without_tokens_no_web_page_may_call(headers: list[tuple[str, str]], status: int) -> None:
    """On the loopback a foreign Host and any Origin are refused."""
    assert serve(Exchange(path="/it", headers=headers), well).status == status


@pytest.mark.parametrize("path", ["/it", "/under/it"])
def test_a_proxy_may_keep_or_strip_its_path(path: str) -> None:
    """With a root path a request is served whether the proxy has removed it or not."""
    assert serve(Exchange(path=path, headers=[LOCAL]), well, root_path="/under").status == 200
