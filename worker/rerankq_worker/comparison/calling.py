"""Calls of a comparison, under the limits that all workers share."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from rerankq.contract import Lane, RerankRequest
from rerankq.events import Events
from rerankq.store.store import Store
from rerankq_worker.comparison.target import Target
from rerankq_worker.jobs.rerank import estimated_tokens
from rerankq_worker.jobs.retry import GiveUp, RetryPolicy
from rerankq_worker.limits.guarded_call import GuardedCall
from rerankq_worker.limits.routes import Routes
from rerankq_worker.opened_routes import routes_apart
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.upstream.errors import UpstreamError
from rerankq_worker.upstream.sites import Site

REDIS_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """One side's answer to a question.

    Attributes:
        scores: by document, as the site gave them.
        seconds: how long the call took that brought them.
        tokens: by the upstream's count, or estimated.
        calls: how many calls it took.
    """

    scores: Mapping[int, float]
    seconds: float
    tokens: int
    calls: int


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Why one side has no answer: an error's code, and its message."""

    code: str
    message: str
    calls: int


@asynccontextmanager
async def shared_routes(settings: WorkerSettings, sites: Sequence[Site]) -> AsyncIterator[Routes]:
    """The routes to all sites, as a worker of the bulk lane has them: jobs of people go first."""
    worker, most = f"compare.{token_hex(4)}", settings.max_in_flight
    async with (
        Store(settings.redis_url, settings.namespace, answer_seconds=REDIS_SECONDS) as store,
        routes_apart(
            *(sites, settings, Lane.BULK, store), worker=worker, most_calls=most, events=Events()
        ) as routes,
    ):
        yield routes


class Caller:
    """Asks targets, and tries again where that may help.

    Args:
        routes: to all sites.
        give_up_seconds: how long one question is tried.
    """

    def __init__(self, routes: Routes, *, give_up_seconds: float) -> None:
        self._routes = routes
        self._give_up_seconds = give_up_seconds
        self._policy = RetryPolicy(min_retry_seconds=0, give_up_seconds=give_up_seconds)

    async def ask(self, target: Target, request: RerankRequest) -> Answered | Unanswered:
        """Ask for the scores of all documents."""
        tokens = await estimated_tokens(request)
        call_id, began = f"compare-{token_hex(8)}", time.monotonic()
        attempts = calls = 0
        while True:
            try:
                reservation = await self._routes.reserve_at(
                    target.site.name, target.model, tokens=tokens, retry=attempts > 0
                )
                async with GuardedCall(self._routes, reservation) as upstream:
                    called_at, calls = time.monotonic(), calls + 1
                    answer = await upstream.ask(call_id, attempts + 1, request)
            except UpstreamError as error:
                age = time.monotonic() - began
                decision = self._policy.decide(error, attempts=attempts, age_seconds=age)
                # Some errors have a job wait for as long as it takes: somebody waits for this one.
                if isinstance(decision, GiveUp) or age + decision.seconds > self._give_up_seconds:
                    return Unanswered(error.code, str(error), calls)
                attempts = decision.attempts
                await asyncio.sleep(decision.seconds)
            else:
                seconds = time.monotonic() - called_at
                count = answer.total_tokens or tokens
                return Answered(
                    {each.index: each.raw for each in answer.scores}, seconds, count, calls
                )
