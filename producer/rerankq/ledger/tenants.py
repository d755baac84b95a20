"""Tenants: several users of one service, each with quotas and a weight of its own."""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from rerankq.contract import Lane, Tenant, TenantUse
from rerankq.cost.budget import Budget, use_of
from rerankq.errors import InvalidRequest, TenantNotFound
from rerankq.ledger.tokens import Tokens
from rerankq.store.store import Store

PAGE: Final = 500
MINUTE_MS: Final = 60 * 1000
DAY_MS: Final = 24 * 3600 * 1000
_USE: Final = (
    *("budget_unit", "req_at", "tok_at", "day", "day_jobs"),
    *("reserved", "spent", "over_budget"),
)
LIMITS: Final = ("requests", "tokens", "in_flight", "queued", "jobs_a_day")


class Tenants:
    """The tenants that have limits or tokens. Calls raise LedgerUnavailable without Redis.

    A tenant needs no set-up: one that was never set has the weight 1 and no limits.

    Args:
        store: where they are.
        tokens: theirs.
        prices: the user's file of prices, for budgets in money.
    """

    def __init__(self, store: Store, tokens: Tokens, *, prices: Path | None = None) -> None:
        self._prices = prices
        self._tokens = tokens
        self._store = store
        self._keys = store.keys

    async def set(
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
        """Set a tenant, in place of what was set before; None stands for no limit.

        Args:
            name: 1 to 64 letters, digits and `_ . -`.
            weight: its share of a lane, in proportion to those of the others; 0.01 to 1000.
            requests: interactive jobs a minute.
            tokens: estimated tokens of interactive jobs a minute.
            in_flight: jobs that run at the same time.
            queued: jobs that have not ended.
            jobs_a_day: jobs accepted from midnight to midnight UTC.
            budget: what its jobs may cost together: tokens, such as `"5000000"`, or money at the
                prices of models, such as `"12.50 USD"`. What it has spent under an earlier budget
                counts; `remove` forgets it.
            disabled: whether it may submit nothing.

        Raises:
            InvalidRequest: names the argument.
        """
        tenant = Tenant.parse(
            {
                "name": name,
                "weight": weight,
                "requests": requests,
                "tokens": tokens,
                "in_flight": in_flight,
                "queued": queued,
                "jobs_a_day": jobs_a_day,
                "budget": budget,
                "disabled": disabled,
            }
        )
        seconds, micros = await self._store.command("TIME")
        key = self._keys.tenant(name)
        stored = await self._budget(name, budget)
        unit = stored.get("budget_unit")
        await self._store.commands(
            ("DEL", key),
            (
                "HSET",
                key,
                *_fields(tenant),
                *(str(part) for pair in stored.items() for part in pair),
            ),
            *([("HSET", self._keys.tenant_use(name), "budget_unit", unit)] if unit else []),
            ("ZADD", self._keys.tenants, "NX", int(seconds) * 1000 + int(micros) // 1000, name),
            all_or_none=True,
        )
        return await self.get(name)

    async def _budget(self, name: str, text: str | None) -> dict[str, Any]:
        """The fields of a budget. One that stays as it is keeps its prices."""
        if text is None:
            return {}
        budget = Budget.parse(text)
        before, unit = await self._store.readings(
            ("HMGET", self._keys.tenant(name), "budget", "budget_unit", "budget_rates"),
            ("HGET", self._keys.tenant_use(name), "budget_unit"),
        )
        if unit and unit.decode() != budget.unit:
            raise InvalidRequest(
                "budget", f"must be in {unit.decode()}, in which it has spent so far"
            )
        parts, of_before, rates = before or (None,) * 3
        if (
            rates
            and of_before
            and (_number(parts), of_before.decode()) == (budget.parts, budget.unit)
        ):
            return self._with_new_prices(budget, rates)
        return budget.fields(self._prices)

    def _with_new_prices(self, budget: Budget, rates: bytes) -> dict[str, Any]:
        """The fields of a budget that keeps its prices, with those of models that had none."""
        known = {"budget": budget.parts, "budget_unit": budget.unit}
        with suppress(InvalidRequest):
            fresh = orjson.loads(budget.fields(self._prices)["budget_rates"])
            return known | {"budget_rates": orjson.dumps(fresh | orjson.loads(rates)).decode()}
        # There are no prices in its currency any more.
        return known | {"budget_rates": rates.decode()}

    async def get(self, name: str) -> Tenant:
        """A tenant.

        Raises:
            TenantNotFound: none of that name has limits or tokens.
        """
        created, stored = await self._store.readings(
            ("ZSCORE", self._keys.tenants, name), ("HGETALL", self._keys.tenant(name))
        )
        if created is None:
            raise _unknown(name)
        return _tenant(name, float(created), stored)

    async def use(self, name: str) -> TenantUse:
        """What a tenant uses at the moment; also of one that was never set."""
        keys = self._keys
        queues = [keys.tenant_queue(lane, name) for lane in Lane]
        time, limits, used, *sizes = await self._store.readings(
            ("TIME",),
            ("HMGET", keys.tenant(name), "requests", "tokens", "budget"),
            ("HMGET", keys.tenant_use(name), *_USE),
            ("ZCARD", keys.tenant_running(name)),
            ("ZCARD", keys.tenant_waiting(name)),
            *(("ZCARD", each) for each in queues),
        )
        now_ms = int(time[0]) * 1000 + int(time[1]) / 1000
        requests, tokens, budget = map(_number, limits or (None,) * 3)
        unit, *numbers = used or (None,) * len(_USE)
        req_at, tok_at, day, day_jobs, reserved, spent, over = map(_number, numbers)
        running, waiting, *queued = (size or 0 for size in sizes)
        requests_left, requests_reset = _budget(requests, req_at, now_ms)
        tokens_left, tokens_reset = _budget(tokens, tok_at, now_ms)
        return TenantUse(
            queued=running + waiting + sum(queued),
            running=running,
            jobs_today=int(day_jobs) if day == now_ms // DAY_MS else 0,
            requests_left=requests_left,
            requests_reset=requests_reset,
            tokens_left=tokens_left,
            tokens_reset=tokens_reset,
            budget=unit
            and use_of(
                unit.decode(errors="replace"),
                limit=int(budget) or None,
                reserved=int(reserved),
                spent=int(spent),
                exhausted=over == 1,
            ),
            read_at=now_ms / 1000,
        )

    async def list(self) -> tuple[Tenant, ...]:
        """All of them, by their names."""
        scored = await self._store.command("ZRANGE", self._keys.tenants, 0, -1, "WITHSCORES")
        created = {name.decode(): float(score) for name, score in scored}
        names = sorted(created)
        found: list[Tenant] = []
        for start in range(0, len(names), PAGE):
            portion = names[start : start + PAGE]
            stored = await self._store.readings(
                *(("HGETALL", self._keys.tenant(each)) for each in portion)
            )
            found += map(_tenant, portion, (created[each] for each in portion), stored)
        return tuple(found)

    async def remove(self, name: str) -> None:
        """Revoke a tenant's tokens and forget its limits. Its jobs go on, and end as others do.

        Raises:
            TenantNotFound: none of that name has limits or tokens.
        """
        # First: a tenant without limits must not go on submitting.
        await self._tokens.revoke_all(name)
        _, removed = await self._store.commands(
            ("DEL", self._keys.tenant(name), self._keys.tenant_use(name)),
            ("ZREM", self._keys.tenants, name),
            all_or_none=True,
        )
        if not removed:
            raise _unknown(name)


def _number(stored: bytes | None) -> float:
    try:
        return float(stored or 0)
    except ValueError:
        return 0.0


def _budget(limit: float, spent_until: float, now_ms: float) -> tuple[int | None, float]:
    """What is left of a minute's budget, and the seconds until it is full; None for no limit.

    `quotas.lua` fills and spends it.
    """
    if limit <= 0:
        return None, 0.0
    lacks_ms = max(0.0, spent_until - now_ms)
    return max(0, int(limit * (1 - lacks_ms / MINUTE_MS))), round(lacks_ms / 1000, 3)


def _fields(tenant: Tenant) -> list[str]:
    fields: dict[str, float] = {"weight": tenant.weight, "disabled": int(tenant.disabled)}
    fields |= {each: limit for each in LIMITS if (limit := getattr(tenant, each)) is not None}
    return [str(part) for pair in fields.items() for part in pair]


def _tenant(name: str, created_ms: float, stored: Any) -> Tenant:
    """The tenant that is stored so. A damaged field counts as not set, as in the scripts."""
    fields = {each.decode(): value.decode() for each, value in (stored or {}).items()}
    given = {each: fields[each] for each in ("weight", *LIMITS) if each in fields}
    if "budget" in fields and "budget_unit" in fields and fields["budget"].isdigit():
        given["budget"] = Budget(int(fields["budget"]), fields["budget_unit"]).text
    known = {"name": name, "created_at": created_ms / 1000, "disabled": fields.get("disabled", "0")}
    try:
        return Tenant.parse(known | given)
    except InvalidRequest:
        return Tenant.parse({"name": name, "created_at": created_ms / 1000})


def _unknown(name: str) -> TenantNotFound:
    return TenantNotFound(f"no tenant has the name {name}: see `rerankq tenant list`")
