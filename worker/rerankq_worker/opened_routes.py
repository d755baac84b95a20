"""The routes of a worker: connections to each site, used with each key of each of its accounts."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from rerankq.contract import Lane
from rerankq.events import Events
from rerankq_worker.limits.permits import Permits
from rerankq_worker.limits.route import Route
from rerankq_worker.provider import HttpProvider
from rerankq_worker.settings import WorkerSettings
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
        provider = await closing.enter_async_context(
            HttpProvider(
                url=site.url,
                dialect=DIALECTS[site.dialect](**site.options),
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
            routes += _by_each_key(provider, site, account, permits, events)
    return routes


def _by_each_key(
    provider: Provider, site: Site, account: Account, permits: Permits, events: Events
) -> list[Route]:
    def observed(key_id: str) -> Provider:
        return ObservedProvider(
            provider, events, site=site.name, account=account.name, key_id=key_id
        )

    return [Route(site, key, observed(key.id), permits) for key in account.keys]
