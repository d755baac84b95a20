"""Tokens and tenants for code without an event loop.

The asynchronous client has `Tokens` and `Tenants` themselves.
"""

from collections.abc import Collection
from typing import Protocol

from rerankq.client.caller import Caller
from rerankq.contract import NewToken, OnFailure, Principal, Scope, Tenant, TenantUse, Token
from rerankq.ledger.tenants import Tenants
from rerankq.ledger.tokens import Tokens


class Registries(Protocol):
    """The asynchronous client, as far as it is needed here."""

    @property
    def tokens(self) -> Tokens:
        """Its tokens."""

    @property
    def tenants(self) -> Tenants:
        """Its tenants."""


class BlockingTokens:
    """`Tokens`, which says what each method does and raises."""

    def __init__(self, caller: Caller[Registries]) -> None:
        self._caller = caller

    def create(
        self,
        *,
        tenant: str | None,
        scopes: Collection[Scope | str],
        name: str = "",
        expires_at: float | None = None,
        on_failure: OnFailure | None = None,
    ) -> NewToken:
        """A new token; its secret is in the answer and can never be read again."""
        return self._caller.call(
            lambda client: client.tokens.create(
                tenant=tenant,
                scopes=scopes,
                name=name,
                expires_at=expires_at,
                on_failure=on_failure,
            )
        )

    def required(self) -> bool:
        """Whether callers need a token: from the first one on, also when the last is gone."""
        return self._caller.call(lambda client: client.tokens.required())

    def clear(self) -> int:
        """Make all tokens useless, and let a gateway on the loopback be used without any."""
        return self._caller.call(lambda client: client.tokens.clear())

    def find(self, secret: str) -> Principal | None:
        """Who has that token; None when there is none."""
        return self._caller.call(lambda client: client.tokens.find(secret))

    def list(self, *, tenant: str | None = None) -> tuple[Token, ...]:
        """All tokens that work, the newest first, without their secrets."""
        return self._caller.call(lambda client: client.tokens.list(tenant=tenant))

    def revoke(self, token_id: str) -> Token:
        """Make a token useless from now on."""
        return self._caller.call(lambda client: client.tokens.revoke(token_id))

    def revoke_all(self, tenant: str) -> int:
        """Make all tokens of a tenant useless; returns how many there were."""
        return self._caller.call(lambda client: client.tokens.revoke_all(tenant))


class BlockingTenants:
    """`Tenants`, which says what each method does and raises."""

    def __init__(self, caller: Caller[Registries]) -> None:
        self._caller = caller

    def set(
        self,
        name: str,
        *,
        weight: float = 1.0,
        requests: int | None = None,
        tokens: int | None = None,
        in_flight: int | None = None,
        queued: int | None = None,
        jobs_a_day: int | None = None,
        budget: str | None = None,
        disabled: bool = False,
    ) -> Tenant:
        """Set a tenant, in place of what was set before; None stands for no limit."""
        return self._caller.call(
            lambda client: client.tenants.set(
                name,
                weight=weight,
                requests=requests,
                tokens=tokens,
                in_flight=in_flight,
                queued=queued,
                jobs_a_day=jobs_a_day,
                budget=budget,
                disabled=disabled,
            )
        )

    def get(self, name: str) -> Tenant:
        """A tenant."""
        return self._caller.call(lambda client: client.tenants.get(name))

    def use(self, name: str) -> TenantUse:
        """What a tenant uses at the moment; also of one that was never set."""
        return self._caller.call(lambda client: client.tenants.use(name))

    def list(self) -> tuple[Tenant, ...]:
        """All of them, by their names."""
        return self._caller.call(lambda client: client.tenants.list())

    def remove(self, name: str) -> None:
        """Revoke a tenant's tokens and forget its limits."""
        self._caller.call(lambda client: client.tenants.remove(name))
