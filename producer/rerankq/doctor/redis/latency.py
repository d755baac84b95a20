"""How long Redis takes to answer."""

import asyncio
import statistics
from time import perf_counter
from typing import Final

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, ok, warning

ASKED: Final = 20
BETWEEN_SECONDS: Final = 0.05
SLOW_MS: Final = 20.0
"""From here on a job that somebody waits for is noticeably later: it needs about ten answers."""


async def look(set_up: SetUp) -> list[Finding]:
    """Ask some times, a little apart, so that one moment does not decide."""
    store = await set_up.redis.store()
    took = []
    for _ in range(ASKED):
        await asyncio.sleep(BETWEEN_SECONDS)
        began = perf_counter()
        await store.command("PING")
        took.append((perf_counter() - began) * 1000)
    middle, longest = statistics.median(took), max(took)
    what = f"Redis answers in {middle:,.1f} ms, at most {longest:,.1f} ms, as seen from here"
    if middle > SLOW_MS:
        return [
            warning(
                "redis_slow",
                what,
                "run workers near Redis, and see its load (SLOWLOG, swap, slow disk)",
            )
        ]
    return [ok("redis_latency", what)]
