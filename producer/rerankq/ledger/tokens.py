"""Tokens: who has one may use the service over HTTP, as its tenant, within its scopes.

A token is random, so its SHA-256 is all that is stored: who reads Redis cannot use it.
"""

import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from typing import Any, Final

from rerankq.contract import NewToken, OnFailure, Principal, Scope, Token
from rerankq.errors import InvalidRequest, TokenNotFound
from rerankq.events import Events, TokenCreated, TokenRevoked
from rerankq.store.keys import Keys
from rerankq.store.store import Store

PREFIX: Final = "rk_"
"""Every token begins so: scanners of repositories and logs can find one that leaked."""
PAGE: Final = 500
_SECRET: Final = re.compile(r"rk_[A-Za-z0-9_-]{43}")
_ID_DIGITS: Final = 16


class Tokens:
    """The tokens. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where they are.
        events: told of each token that is made or revoked.
    """

    def __init__(self, store: Store, *, events: Events | None = None) -> None:
        self._store = store
        self._keys = store.keys
        self._events = events or Events()

    async def create(
        self,
        *,
        tenant: str | None,
        scopes: Collection[Scope | str],
        name: str = "",
        expires_at: float | None = None,
        on_failure: OnFailure | None = None,
    ) -> NewToken:
        """A new token; its secret is in the answer and can never be read again.

        Args:
            tenant: whose jobs it sees and makes; a tenant that is not known is noted, without
                limits. None for the operator, who sees all.
            scopes: what it allows; at least one.
            name: the operator's own words for it.
            expires_at: Unix seconds at which it stops working, by Redis' clock; None for never.
            on_failure: what its calls get when no ranking comes in time.

        Raises:
            InvalidRequest: names the argument.
        """
        seconds, micros = await self._store.command("TIME")
        now = int(seconds) + int(micros) / 1_000_000
        secret = PREFIX + secrets.token_urlsafe(32)
        digest = digest_of(secret)
        token = NewToken.parse(
            {
                "id": f"tok_{digest[:_ID_DIGITS]}",
                "tenant": tenant,
                "scopes": list(scopes),
                "name": name,
                "on_failure": on_failure,
                "created_at": now,
                "expires_at": expires_at,
                "secret": secret,
            }
        )
        if not token.scopes:
            raise InvalidRequest("scopes", "must name at least one of submit, read, operate")
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest("expires_at", "must be in the future")
        await self._store.commands(*_writing(self._keys, digest, token), all_or_none=True)
        self._events.tell(TokenCreated(token_id=token.id, tenant=tenant))
        return token

    async def required(self) -> bool:
        """Whether callers need a token: since the first was made, also when the last one is gone.

        A gateway must not become open to all because a token expires. `clear` ends it.
        """
        return bool(
            await self._store.command("EXISTS", self._keys.tokens_required, self._keys.tokens)
        )

    async def find(self, secret: str) -> Principal | None:
        """Who has that token; None when there is none, also one that expired or was revoked."""
        if not _SECRET.fullmatch(secret):
            return None
        return await self.holder(digest_of(secret))

    async def holder(self, digest: str) -> Principal | None:
        """Who has the token whose secret has that SHA-256; None when there is none."""
        (stored,) = await self._store.readings(("HGETALL", self._keys.token(digest)))
        token = _token(digest, stored)
        if token is None:
            return None
        return Principal(
            token_id=token.id,
            tenant=token.tenant,
            scopes=token.scopes,
            on_failure=token.on_failure,
        )

    async def list(self, *, tenant: str | None = None) -> tuple[Token, ...]:
        """All tokens that work, the newest first, without their secrets.

        Args:
            tenant: only those of this tenant; None for all.
        """
        tokens = [token for _, token in await self._all()]
        return tuple(each for each in tokens if tenant in (None, each.tenant))

    async def revoke(self, token_id: str) -> Token:
        """Make a token useless from now on; a gateway may know it for 5 seconds more.

        Raises:
            TokenNotFound: no token has that id.
        """
        for digest, token in await self._all():
            if token.id == token_id:
                await self._delete([(digest, token)])
                return token
        raise TokenNotFound(f"no token has the id {token_id}: see `rerankq token list`")

    async def revoke_all(self, tenant: str) -> int:
        """Make all tokens of a tenant useless; returns how many there were."""
        found = [each for each in await self._all() if each[1].tenant == tenant]
        await self._delete(found)
        return len(found)

    async def clear(self) -> int:
        """Make all tokens useless, and let a gateway on the loopback be used without any.

        Returns how many there were.
        """
        found = await self._all()
        await self._delete(found)
        await self._store.command("DEL", self._keys.tokens_required)
        return len(found)

    async def _delete(self, found: Sequence[tuple[str, Token]]) -> None:
        if not found:
            return
        digests = [digest for digest, _ in found]
        await self._store.commands(
            ("DEL", *map(self._keys.token, digests)),
            ("ZREM", self._keys.tokens, *digests),
            all_or_none=True,
        )
        for _, token in found:
            self._events.tell(TokenRevoked(token_id=token.id, tenant=token.tenant))

    async def _all(self) -> Sequence[tuple[str, Token]]:
        """Every token with its digest, the newest first; those that expired leave the list."""
        digests = [
            each.decode() for each in await self._store.command("ZRANGE", self._keys.tokens, 0, -1)
        ]
        found: list[tuple[str, Token]] = []
        gone: list[str] = []
        for start in range(0, len(digests), PAGE):
            portion = digests[start : start + PAGE]
            stored = await self._store.readings(
                *(("HGETALL", self._keys.token(each)) for each in portion)
            )
            for digest, fields in zip(portion, stored, strict=True):
                token = _token(digest, fields)
                if token is not None:
                    found.append((digest, token))
                elif not fields:
                    gone.append(digest)
        if gone:
            await self._store.command("ZREM", self._keys.tokens, *gone)
        return found[::-1]


def _writing(keys: Keys, digest: str, token: NewToken) -> list[tuple[str | int, ...]]:
    key = keys.token(digest)
    fields: dict[str, str | float] = {
        "id": token.id,
        "scopes": " ".join(sorted(token.scopes)),
        "name": token.name,
        "created": token.created_at,
    }
    optional = {
        "tenant": token.tenant,
        "expires": token.expires_at,
        "on_failure": token.on_failure,
    }
    fields |= {each: value for each, value in optional.items() if value is not None}
    flat = [str(part) for pair in fields.items() for part in pair]
    # In microseconds, so that two of the same millisecond keep their order.
    created = int(token.created_at * 1_000_000)
    commands: list[tuple[str | int, ...]] = [
        ("HSET", key, *flat),
        ("ZADD", keys.tokens, created, digest),
        ("SET", keys.tokens_required, 1),
    ]
    if token.expires_at is not None:
        # Redis forgets it by its own clock: no gateway's clock decides whether it works.
        commands.append(("PEXPIREAT", key, int(token.expires_at * 1000)))
    if token.tenant is not None:
        commands.append(("ZADD", keys.tenants, "NX", created // 1000, token.tenant))
    return commands


def digest_of(secret: str) -> str:
    """What is stored of a token: the SHA-256 of its secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(digest: str, stored: Any) -> Token | None:
    """The token that is stored so; None when there is none, or what is there is damaged."""
    if not stored:
        return None
    fields = {name.decode(): value.decode(errors="replace") for name, value in stored.items()}
    try:
        return Token.parse(
            {
                "id": f"tok_{digest[:_ID_DIGITS]}",
                "tenant": fields.get("tenant"),
                "scopes": fields.get("scopes", "").split(),
                "name": fields.get("name", ""),
                "on_failure": fields.get("on_failure"),
                "created_at": fields.get("created", 0),
                "expires_at": fields.get("expires"),
            }
        )
    except InvalidRequest:
        return None
