"""The score reuse of a worker, if it is on: with connections to Redis of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from rerankq.contract import Lane
from rerankq.score_cache.cache import CacheLimits, ScoreCache
from rerankq.store.store import Store
from rerankq_worker.limits.breakers import Breakers
from rerankq_worker.limits.route import Route
from rerankq_worker.reuse.lookups import LOOKUP_SECONDS
from rerankq_worker.reuse.score_reuse import ScoreReuse
from rerankq_worker.settings import WorkerSettings

GATHER_SECONDS: Final = {Lane.BULK: 0.02, Lane.INTERACTIVE: 0.0}
"""Time between two lookups. Bulk jobs are claimed ahead, so they can wait for others."""


@asynccontextmanager
async def opened_reuse(
    settings: WorkerSettings, lane: Lane, routes: Sequence[Route], breakers: Breakers
) -> AsyncIterator[ScoreReuse | None]:
    """The score reuse; None if it is off. At the end, new scores are written.

    Args:
        settings: the user's settings.
        lane: the lane that the worker serves.
        routes: all routes of this worker.
        breakers: of these routes.
    """
    if settings.reuse is None:
        yield None
        return
    # Connections of its own: a slow answer to a lookup must not hold up the ledger's calls.
    async with Store(
        settings.redis_url, settings.namespace, answer_seconds=LOOKUP_SECONDS
    ) as store:
        cache = ScoreCache(store, CacheLimits(settings.reuse, settings.reuse_bytes))
        reuse = ScoreReuse(cache, routes, breakers, gather_seconds=GATHER_SECONDS[lane])
        try:
            yield reuse
        finally:
            await reuse.leave()
