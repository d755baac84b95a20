"""`python -m throttling.libraries`: what a permit costs with limiter libraries, and with our lots.

Needs `limits`, `pyrate-limiter` and `aiolimiter` beside the project:
`pip install limits pyrate-limiter aiolimiter`. Prints a table in Markdown.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiolimiter
import limits
import pyrate_limiter
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis

from rerankq.accounts import accounts
from rerankq.contract import Lane
from rerankq.store.store import Store
from rerankq_worker.limits.permit import Demand
from rerankq_worker.limits.permits import Permits
from rerankq_worker.upstream.sites import Account, Key
from running.redis_server import RedisServer

PERMITS: Final = 2000
A_MINUTE: Final = 10**6
"""The limit: so high that nothing waits for it."""
LOT: Final = 12
"""Smallest number of permits in one exchange, under a known limit and load."""

Take = Callable[[], Awaitable[object]]

ABLE: Final = {
    "rerankq": "requests, tokens and calls in flight; fails closed; finds limits",
    "limits, moving window": "requests; raises when Redis is away; no tokens by estimate",
    "pyrate-limiter, Redis bucket": "requests; raises when Redis is away",
    "aiolimiter": "requests of one process alone",
}


async def _limits(url: str) -> Take:
    limiter = MovingWindowRateLimiter(RedisStorage("async+" + url, implementation="redispy"))
    item = limits.RateLimitItemPerMinute(A_MINUTE)
    return lambda: limiter.hit(item, "account")


async def _pyrate(url: str) -> Take:
    rates = [pyrate_limiter.Rate(A_MINUTE, pyrate_limiter.Duration.MINUTE)]
    bucket = await pyrate_limiter.RedisBucket.init(rates, Redis.from_url(url), "account")
    limiter = pyrate_limiter.Limiter(bucket)

    async def take() -> object:
        return await limiter.try_acquire_async("account")

    return take


async def _aiolimiter(_: str) -> Take:
    limiter = aiolimiter.AsyncLimiter(A_MINUTE, 60)

    async def take() -> object:
        return await limiter.acquire()

    return take


async def _ours(url: str) -> Take:
    known = accounts.Limits(rpm=A_MINUTE)
    shared = accounts.Accounts(Store(url))
    permits = Permits(Account("account", (Key("key"),), known), lane=Lane.BULK, max_in_flight=LOT)

    async def take() -> None:
        while not (permit := permits.take(0.0, retry=False)):
            if permits.spaced:
                await asyncio.sleep(0)
                continue
            told = permits.report(Demand(LOT, 0.0))
            # As under load: one lot, not a number that depends on the last use.
            told.want = LOT
            permits.receive(await shared.exchange("account", "worker", known, told))
        permits.went_well(permit)
        permits.done(permit)

    return take


KINDS: Final[dict[str, Callable[[str], Awaitable[Take]]]] = {
    "rerankq": _ours,
    "limits, moving window": _limits,
    "pyrate-limiter, Redis bucket": _pyrate,
    "aiolimiter": _aiolimiter,
}


async def _measured(name: str, url: str) -> str:
    redis = Redis.from_url(url)
    await redis.flushall()
    take = await KINDS[name](url)
    await take()
    await redis.config_resetstat()
    cpu = (await redis.info("cpu"))["used_cpu_user"]
    began = time.process_time()
    for _ in range(PERMITS):
        await take()
    client = (time.process_time() - began) / PERMITS * 1e6
    server = ((await redis.info("cpu"))["used_cpu_user"] - cpu) / PERMITS * 1e6
    stats = await redis.info("commandstats")
    sent = sum(stats.get(f"cmdstat_{each}", {}).get("calls", 0) for each in ("evalsha", "eval"))
    await redis.aclose()
    return f"| {name} | {sent / PERMITS:.3f} | {client:.0f} | {server:.0f} | {ABLE[name]} |"


def main() -> None:
    """Measure all of them."""
    sys.stdout.write(
        "| | scripts a permit | client CPU µs | Redis CPU µs | limits |\n|---|---|---|---|---|\n"
    )
    with TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        for name in KINDS:
            sys.stdout.write(asyncio.run(_measured(name, server.url)) + "\n")


if __name__ == "__main__":
    main()
