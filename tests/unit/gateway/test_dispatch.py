import asyncio
import logging
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from rerankq.contract import Principal, Scope, Tenant, TenantUse
from rerankq.errors import JobNotFound, QuotaExceeded, TenantNotFound
from rerankq.events import Events
from rerankq_gateway.access.bearer import KnownTokens
from rerankq_gateway.access.gate import Gate
from rerankq_gateway.access.rate_headers import RateHeaders
from rerankq_gateway.asgi import HotHandler, HotRequest
from rerankq_gateway.asgi.dispatch import Dispatch
from rerankq_gateway.asgi.request import AsgiScope, Receive, Send
from rerankq_gateway.settings import GatewaySettings
from running.asgi import Exchange

UNSEEN = "a document that nobody may see"


async def unknown(_scope: AsgiScope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("FastAPI is not asked")


class FewTokens:
    """The tokens of a ledger."""

    def __init__(self, held: Mapping[str, Principal]) -> None:
        self._held = held
        self.asked = 0

    async def find(self, secret: str) -> Principal | None:
        """Who has that token."""
        self.asked += 1
        return self._held.get(secret)

    async def required(self) -> bool:
        """Whether callers need one."""
        return bool(self._held)


class FewTenants:
    """The tenants of a ledger: only `acme` has quotas."""

    async def get(self, name: str) -> Tenant:
        """A tenant."""
        if name == "gone":
            raise TenantNotFound("no tenant has that name")
        if name == "acme":
            return Tenant(name=name, requests=600, tokens=90_000)
        return Tenant(name=name)

    async def use(self, name: str) -> TenantUse:
        """What it uses."""
        assert name == "acme", "only for one with quotas"
        return TenantUse(requests_left=12, requests_reset=6.2, tokens_left=80_000, tokens_reset=7.0)


def serve(
    exchange: Exchange,
    handler: HotHandler,
    root_path: str = "",
    *,
    held: Mapping[str, Principal] = MappingProxyType({}),
    settings: GatewaySettings | None = None,
) -> Exchange:
    dispatch = Dispatch(
        hot={("POST", "/it"): handler},
        cold=unknown,
        gate=Gate(settings or GatewaySettings(), FewTokens(held)),
        rates=RateHeaders(FewTenants()),
        root_path=root_path,
        open_paths=frozenset(),
        events=Events(),
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
    assert f"ValueError at {__file__}:" in caplog.text


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


MINE = Principal(tenant="mine", scopes=frozenset({Scope.READ}))


@pytest.mark.parametrize(
    "header",
    [
        ("authorization", "Bearer rk_1"),
        ("authorization", "bearer  rk_1 "),
        ("authorization", "rk_1"),
        ("x-api-key", "rk_1"),
        ("api-key", "rk_1"),
    ],
)
def test_a_token_is_read_from_each_header_that_clients_use(header: tuple[str, str]) -> None:
    """Bare or as Bearer, or in a header of its own; then any name and any page may call."""
    seen: list[Principal] = []

    async def noting(request: HotRequest) -> None:
        seen.append(request.principal)
        await request.answer(200, b"{}")

    headers = [header, ("host", "gateway.example"), ("origin", "https://example.com")]
    serve(Exchange(path="/it", headers=headers), noting, held={"rk_1": MINE})
    assert seen == [MINE]


@pytest.mark.parametrize("key", [[], [("authorization", "Bearer rk_2")]])
@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_once_there_are_tokens_nobody_calls_without_one(
    key: list[tuple[str, str]], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the loopback too: a missing or unknown token gets 401, with the way to send one."""
    monkeypatch.setenv("RERANKQ_GATEWAY_HOST", host)
    exchange = Exchange(path="/it", headers=[LOCAL, *key])
    serve(exchange, well, held={"rk_1": MINE}, settings=GatewaySettings())
    assert (exchange.status, exchange.headers["www-authenticate"]) == (401, "Bearer")


def test_off_the_loopback_no_tokens_means_no_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """When all tokens were revoked while the gateway runs, it does not open to all."""
    monkeypatch.setenv("RERANKQ_GATEWAY_HOST", "192.0.2.1")
    assert (
        serve(Exchange(path="/it", headers=[LOCAL]), well, settings=GatewaySettings()).status == 401
    )


def test_a_token_of_the_settings_is_the_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no token in the ledger, closes the loopback to others, and hides none of those."""
    token, seen = f"rk_{'own-' * 11}", list[Principal]()
    monkeypatch.setenv("RERANKQ_GATEWAY_TOKENS", token)

    async def noting(request: HotRequest) -> None:
        seen.append(request.principal)
        await request.answer(200, b"{}")

    def status(*key: tuple[str, str]) -> int:
        exchange = Exchange(path="/it", headers=[LOCAL, *key])
        return serve(exchange, noting, held={"rk_1": MINE}, settings=GatewaySettings()).status

    assert [status(), status(("x-api-key", f"{token}x"))] == [401, 401]
    assert [status(("x-api-key", token)), status(("x-api-key", "rk_1"))] == [200, 200]
    own, others = seen
    assert (own.tenant, own.scopes, own.token_id[:4]) == (None, frozenset(Scope), "tok_")
    assert others == MINE


def test_a_scope_that_the_token_lacks_is_refused() -> None:
    """A handler that demands a scope answers 403 to a token without it."""

    async def submitting(request: HotRequest) -> None:
        request.demand(Scope.SUBMIT)

    headers = [("authorization", "rk_1")]
    exchange = serve(Exchange(path="/it", headers=headers), submitting, held={"rk_1": MINE})
    assert (exchange.status, exchange.json()["error"]["code"]) == (403, "missing_scope")


def test_a_known_token_is_not_looked_up_again_for_a_while() -> None:
    """Redis is asked once in five seconds for each token, also for one that is unknown."""
    tokens = FewTokens({"rk_1": MINE})

    async def ask() -> None:
        known = KnownTokens(tokens)
        for _ in range(3):
            assert await known.holder("rk_1") == MINE
            assert await known.holder("rk_2") is None

    asyncio.run(ask())
    assert tokens.asked == 2


def test_what_is_too_long_for_a_token_is_not_remembered() -> None:
    """Else anybody could fill the memory with headers, without a token."""
    tokens = FewTokens({})

    async def ask() -> None:
        known = KnownTokens(tokens)
        for _ in range(3):
            assert await known.holder("x" * 60_000) is None

    asyncio.run(ask())
    assert tokens.asked == 3


async def refuses(_: HotRequest) -> None:
    raise QuotaExceeded("over it", quota="requests", retry_after=6.2)


async def answers(request: HotRequest) -> None:
    await request.answer(200, b"{}")


@pytest.mark.parametrize(("handler", "status"), [(answers, 200), (refuses, 429)])
def test_each_answer_says_what_is_left_of_quotas(handler: HotHandler, status: int) -> None:
    """A tenant with quotas of a minute finds them in the headers, of refusals as well."""
    exchange = Exchange(path="/it", headers=[("x-api-key", "rk_1")])
    served = serve(exchange, handler, held={"rk_1": Principal(tenant="acme")})
    assert served.status == status
    assert {k: v for k, v in served.headers.items() if "ratelimit" in k} == {
        "ratelimit-policy": '"requests";q=600;w=60, "tokens";q=90000;w=60',
        "ratelimit": '"requests";r=12;t=7, "tokens";r=80000;t=7',
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "12",
        "x-ratelimit-reset-requests": "7s",
        "x-ratelimit-limit-tokens": "90000",
        "x-ratelimit-remaining-tokens": "80000",
        "x-ratelimit-reset-tokens": "7s",
    }


@pytest.mark.parametrize("tenant", [None, "free", "gone"])
def test_nothing_is_said_of_quotas_where_there_are_none(tenant: str | None) -> None:
    """The operator, and a tenant without such quotas, get no such header."""
    exchange = Exchange(path="/it", headers=[("x-api-key", "rk_1")])
    served = serve(exchange, answers, held={"rk_1": Principal(tenant=tenant)})
    assert not [each for each in served.headers if "ratelimit" in each]


def test_slashes_at_the_beginning_are_one() -> None:
    """A client whose base address ends with a slash sends two."""
    assert serve(Exchange(path="//it", headers=[LOCAL]), well).status == 200
    assert serve(Exchange(path="//rerank/it", headers=[LOCAL]), well, "/rerank").status == 200
