"""What is left of a tenant's quotas of a minute, as headers of each answer to it.

`RateLimit` and `RateLimit-Policy` are those of the IETF's draft; OpenAI's clients read the others.
"""

import time
from contextlib import suppress
from typing import Final, Protocol

from rerankq.contract import Principal, Tenant, TenantUse
from rerankq.errors import LedgerUnavailable, TenantNotFound

HeaderPairs = list[tuple[bytes, bytes]]
FRESH_SECONDS: Final = 5.0
_MOST_KNOWN: Final = 10_000
_MINUTE: Final = 60


class Registry(Protocol):
    """The tenants of the ledger."""

    async def get(self, name: str) -> Tenant:
        """A tenant."""

    async def use(self, name: str) -> TenantUse:
        """What it uses."""


class RateHeaders:
    """Makes the headers. Redis is asked only for tenants that have such quotas.

    Args:
        tenants: the tenants of the ledger.
    """

    def __init__(self, tenants: Registry) -> None:
        self._tenants = tenants
        self._known: dict[str, tuple[float, Tenant | None]] = {}

    async def of(self, principal: Principal) -> HeaderPairs:
        """The headers of an answer that is sent now; none when they are not known."""
        if principal.tenant is None:
            return []
        with suppress(LedgerUnavailable):
            tenant = await self._limits(principal.tenant)
            if tenant and (tenant.requests or tenant.tokens):
                return headers_of(tenant, await self._tenants.use(tenant.name))
        return []

    async def _limits(self, name: str) -> Tenant | None:
        now = time.monotonic()
        if found := self._known.get(name):
            looked_at, tenant = found
            if now - looked_at < FRESH_SECONDS:
                return tenant
        tenant = None
        with suppress(TenantNotFound):
            tenant = await self._tenants.get(name)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[name] = now, tenant
        return tenant


def headers_of(tenant: Tenant, use: TenantUse) -> HeaderPairs:
    """The headers for a tenant's limits, and what is left of them."""
    quotas = (
        ("requests", tenant.requests, use.requests_left, use.requests_reset),
        ("tokens", tenant.tokens, use.tokens_left, use.tokens_reset),
    )
    policy, left, others = [], [], HeaderPairs()
    for name, limit, remaining, reset in quotas:
        if limit is None or remaining is None:
            continue
        seconds = -int(-reset // 1)
        policy.append(f'"{name}";q={limit};w={_MINUTE}')
        left.append(f'"{name}";r={remaining};t={seconds}')
        values = {"limit": limit, "remaining": remaining, "reset": f"{seconds}s"}
        others += [
            (f"x-ratelimit-{what}-{name}".encode(), str(value).encode())
            for what, value in values.items()
        ]
    return [
        (b"ratelimit-policy", ", ".join(policy).encode()),
        (b"ratelimit", ", ".join(left).encode()),
        *others,
    ]
