"""Tokens and tenants: made, found, listed, revoked."""

import hashlib
import time
from collections.abc import Iterator

import pytest
from redis import Redis

from rerankq import RerankClient
from rerankq.contract import OnFailure, Scope
from rerankq.errors import InvalidRequest, TenantNotFound, TokenNotFound
from rerankq.events import Event, Events


@pytest.fixture
def client(redis_url: str) -> Iterator[RerankClient]:
    """A blocking client of an empty ledger."""
    with RerankClient(redis_url) as made:
        yield made


def test_a_token_is_found_by_its_secret_alone(client: RerankClient) -> None:
    """Who has the secret is known with tenant, scopes and choice; any other text opens nothing."""
    made = client.tokens.create(
        tenant="acme", scopes=["read"], name="crawler", on_failure=OnFailure.ORIGINAL_ORDER
    )
    found = client.tokens.find(made.secret)
    assert found is not None
    assert (found.token_id, found.tenant, found.scopes, found.on_failure) == (
        made.id,
        "acme",
        frozenset({Scope.READ}),
        OnFailure.ORIGINAL_ORDER,
    )
    other = made.secret[:-1] + ("A" if made.secret[-1] != "A" else "B")
    for secret in ("", made.id, other, made.secret + "A", f"Bearer {made.secret}", "\ud800"):
        assert client.tokens.find(secret) is None


def test_the_secret_is_stored_nowhere(client: RerankClient, redis_url: str) -> None:
    """Redis has the SHA-256 of a token, and nothing from which the token can be read."""
    made = client.tokens.create(tenant=None, scopes=["read", "operate"])
    assert made.secret not in repr(made)
    with Redis.from_url(redis_url) as redis:
        read = {
            b"hash": redis.hgetall,
            b"string": redis.get,
            b"zset": lambda key: redis.zrange(key, 0, -1),
        }
        stored = {key: read[redis.type(key)](key) for key in redis.scan_iter()}
    assert made.secret.removeprefix("rk_") not in repr(stored)
    assert hashlib.sha256(made.secret.encode()).hexdigest() in repr(stored)


def test_a_list_names_the_tokens_that_work(client: RerankClient, redis_url: str) -> None:
    """The newest comes first; one that expired or was revoked is not in it, and opens nothing."""
    first = client.tokens.create(tenant="acme", scopes=["submit"])
    second = client.tokens.create(tenant="other", scopes=["submit"])
    brief = client.tokens.create(tenant="acme", scopes=["submit"], expires_at=time.time() + 60)
    assert [each.id for each in client.tokens.list()] == [brief.id, second.id, first.id]
    with Redis.from_url(redis_url) as redis:
        assert 0 < redis.pttl(f"rerankq:token:{_digest(brief.secret)}") <= 60_000
        redis.delete(f"rerankq:token:{_digest(brief.secret)}")
    assert client.tokens.find(brief.secret) is None
    assert [each.id for each in client.tokens.list()] == [second.id, first.id]
    assert [each.id for each in client.tokens.list(tenant="acme")] == [first.id]
    assert client.tokens.revoke(second.id).id == second.id
    assert client.tokens.find(second.secret) is None
    with pytest.raises(TokenNotFound, match=second.id):
        client.tokens.revoke(second.id)


def test_tokens_are_required_once_there_was_one(client: RerankClient) -> None:
    """When its last token is revoked, a gateway stays closed; `clear` alone opens it again."""
    assert not client.tokens.required()
    made = client.tokens.create(tenant=None, scopes=["read"])
    client.tokens.revoke(made.id)
    assert client.tokens.list() == ()
    assert client.tokens.required()
    client.tokens.create(tenant="acme", scopes=["read"])
    assert client.tokens.clear() == 1
    assert not client.tokens.required()


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("scopes", {"scopes": []}),
        ("scopes.0", {"scopes": ["admin"]}),
        ("tenant", {"tenant": "a b", "scopes": ["read"]}),
        ("tenant", {"tenant": "a:b", "scopes": ["read"]}),
        ("name", {"name": "n" * 101, "scopes": ["read"]}),
        ("expires_at", {"expires_at": 1.0, "scopes": ["read"]}),
        ("on_failure", {"on_failure": "panic", "scopes": ["read"]}),
    ],
)
def test_a_wrong_token_is_refused(
    client: RerankClient, field: str, arguments: dict[str, object]
) -> None:
    """The error names the argument, and nothing is stored."""
    with pytest.raises(InvalidRequest) as refused:
        client.tokens.create(**{"tenant": None} | arguments)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert client.tokens.list() == ()


def test_a_damaged_token_opens_nothing(client: RerankClient, redis_url: str) -> None:
    """A key of another type, or with scopes that do not exist, disturbs no other token."""
    good, odd, wrong = (client.tokens.create(tenant=None, scopes=["read"]) for _ in range(3))
    with Redis.from_url(redis_url) as redis:
        redis.hset(f"rerankq:token:{_digest(odd.secret)}", "scopes", "everything")
        redis.delete(f"rerankq:token:{_digest(wrong.secret)}")
        redis.set(f"rerankq:token:{_digest(wrong.secret)}", "x")
    assert [client.tokens.find(each.secret) for each in (odd, wrong)] == [None, None]
    assert [each.id for each in client.tokens.list()] == [good.id]


def test_making_and_revoking_are_told(redis_url: str) -> None:
    """Each is one event with the token's id and tenant; no event has the token."""
    events = Events()
    told: list[Event] = []
    events.listen(told.append, Event)
    with RerankClient(redis_url, events=events) as client:
        made = client.tokens.create(tenant="acme", scopes=["read"])
        client.tenants.remove("acme")
    assert [each.name for each in told] == ["token.created", "token.revoked"]
    assert made.secret not in repr(told)
    assert f"token_id='{made.id}', tenant='acme'" in repr(told[1])


def test_a_tenant_is_what_was_set_last(client: RerankClient) -> None:
    """`set` replaces all limits, `list` is in the order of names, `remove` revokes its tokens."""
    client.tenants.set("b", weight=2, requests=10, queued=5, disabled=True)
    since = client.tenants.get("b").created_at
    client.tenants.set("b", tokens=7)
    tenant = client.tenants.get("b")
    assert tenant.model_dump(exclude_none=True) == {
        "name": "b",
        "weight": 1.0,
        "tokens": 7,
        "disabled": False,
        "created_at": since,
    }
    token = client.tokens.create(tenant="a", scopes=["read"])
    assert [each.name for each in client.tenants.list()] == ["a", "b"]
    client.tenants.remove("a")
    assert client.tokens.find(token.secret) is None
    for ask in (client.tenants.get, client.tenants.remove):
        with pytest.raises(TenantNotFound, match="a"):
            ask("a")


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "a:b"}),
        ("weight", {"weight": 0}),
        ("weight", {"weight": float("nan")}),
        ("requests", {"requests": 0}),
        ("in_flight", {"in_flight": -1}),
    ],
)
def test_a_wrong_limit_is_refused(
    client: RerankClient, field: str, arguments: dict[str, object]
) -> None:
    """The error names the argument, and nothing is stored."""
    with pytest.raises(InvalidRequest) as refused:
        client.tenants.set(**{"name": "a"} | arguments)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert client.tenants.list() == ()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
