"""Serves the metrics of one gateway process, on a port of their own, when they are on.

They are not behind the gateway's tokens, and its processes share one port: Prometheus has to reach
each of them. So each listens on a port of its own, by default for this machine only.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rerankq_gateway.duties import end
from rerankq_gateway.parts import Parts
from rerankq_gateway.settings import GatewaySettings

log = logging.getLogger(__name__)


@asynccontextmanager
async def measured(parts: Parts) -> AsyncIterator[None]:
    """Measure this process and serve its metrics, while the block lasts."""
    settings, events = parts.settings, parts.client.events
    if not settings.metrics:
        yield
        return
    # The library comes with an extra.
    from rerankq.monitoring.metrics.deliveries import count_deliveries  # noqa: PLC0415
    from rerankq.monitoring.metrics.gateway import GatewayRequests  # noqa: PLC0415
    from rerankq.monitoring.metrics.jobs import count_jobs  # noqa: PLC0415
    from rerankq.monitoring.metrics.ledger_gauges import ledger_gauges  # noqa: PLC0415
    from rerankq.monitoring.metrics.loop_lag import LoopLag  # noqa: PLC0415
    from rerankq.monitoring.metrics.registry import Metrics  # noqa: PLC0415

    metrics = Metrics()
    waiters = parts.waiters
    GatewayRequests(
        metrics, events, waiting=lambda: waiters.waiting, most_waiting=settings.max_waiters
    )
    count_jobs(metrics, events)
    count_deliveries(metrics, events)
    url, namespace, most = settings.redis_url, settings.namespace, settings.max_in_flight
    async with ledger_gauges(metrics, url, namespace, max_calls=most) as ledger:
        duties = [asyncio.create_task(each) for each in (ledger.run(), LoopLag(metrics).run())]
        stop = metrics.serve(settings.metrics_host, ports_of(settings))
        if stop is None:
            ports = ports_of(settings)
            log.error(
                "metrics are not served: %s has no free port from %d to %d",
                *(settings.metrics_host, ports.start, ports.stop - 1),
            )
        try:
            yield
        finally:
            if stop:
                stop()
            await end(duties)


def ports_of(settings: GatewaySettings) -> range:
    """The ports of which each process takes the first that is free."""
    return range(settings.metrics_port, settings.metrics_port + settings.workers)
