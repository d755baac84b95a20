"""The routes of a worker: connections to each site, used with each key of each of its accounts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.contract import Lane
from rerankq.events import Events
from rerankq.store.store import Store
from rerankq_worker.limits.permits import Permits
from rerankq_worker.limits.route import Route
from rerankq_worker.limits.routes import Routes
from rerankq_worker.provider import HttpProvider
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.upstream.call_limits import CallLimits
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.observed import ObservedProvider
from rerankq_worker.upstream.port import Provider
from rerankq_worker.upstream.sites import Account, Site


async def opened_routes(
    sites: Sequence[Site],
    settings: WorkerSettings,
    lane: Lane,
    events: Events,
    closing: AsyncExitStack,
) -> list[Route]:
    """The routes to all sites, in the order of preference.

    Args:
        sites: where jobs may be sent.
        settings: the user's settings.
        lane: the lane that the worker serves.
        events: told of each call.
        closing: closes the connections.
    """
    routes = []
    for site in sites:
        dialect = DIALECTS[site.dialect](**site.options)
        limits = site.call_limits.within(dialect.call_limits())
        provider = await closing.enter_async_context(
            HttpProvider(
                url=site.url,
                dialect=dialect,
                call_seconds=settings.call_seconds,
                scales=site.scales,
            )
        )
        for account in site.accounts:
            permits = Permits(
                account,
                lane=lane,
                max_in_flight=settings.max_in_flight,
                endpoint=site.endpoint,
            )
            routes += _by_each_key(provider, site, account, permits, limits, events)
    return routes


@asynccontextmanager
async def routes_apart(
    sites: Sequence[Site],
    settings: WorkerSettings,
    lane: Lane,
    store: Store,
    *,
    worker: str,
    most_calls: int,
    events: Events,
) -> AsyncIterator[Routes]:
    """Routes with permits of their own, for calls that are not for jobs.

    Args:
        sites: as for `opened_routes`.
        settings: as for `opened_routes`.
        lane: as for `opened_routes`.
        store: where accounts and breakers are.
        worker: a name that no other holder of permits has.
        most_calls: how many calls may be in flight.
        events: as for `opened_routes`.
    """
    async with AsyncExitStack() as closing:
        routes = Routes(
            await opened_routes(sites, settings, lane, events, closing),
            SharedBreakers(store),
            max_in_flight=most_calls,
            changed=lambda: None,
            events=events,
        )
        exchanges = routes.exchanges(Accounts(store), worker=worker)
        running = [asyncio.create_task(each.run()) for each in exchanges]
        try:
            yield routes
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for each in exchanges:
                await each.leave()


def _by_each_key(
    provider: Provider,
    site: Site,
    account: Account,
    permits: Permits,
    limits: CallLimits,
    events: Events,
) -> list[Route]:
    def observed(key_id: str) -> Provider:
        return ObservedProvider(
            provider, events, site=site.name, account=account.name, key_id=key_id
        )

    return [Route(site, key, observed(key.id), permits, limits=limits) for key in account.keys]
