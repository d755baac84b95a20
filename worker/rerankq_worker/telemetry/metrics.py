"""The metrics of a worker, when they are on: what it tells and measures, and the whole ledger."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from rerankq.contract import Lane
from rerankq.events import Events
from rerankq_worker.process.health import MetricsText
from rerankq_worker.settings import WorkerSettings


class Measured(NamedTuple):
    """What a worker shows.

    Attributes:
        text: returns its metrics as text; None when they are off.
        duties: what has to run for that beside jobs.
    """

    text: MetricsText | None = None
    duties: tuple[Coroutine[Any, Any, None], ...] = ()


@asynccontextmanager
async def measured(
    settings: WorkerSettings, events: Events, lane: Lane, *, held: Callable[[], int]
) -> AsyncIterator[Measured]:
    """A worker's metrics, if they are on.

    Args:
        settings: of the worker.
        events: of the worker.
        lane: the worker's.
        held: returns how many jobs the worker holds.
    """
    if not settings.metrics:
        yield Measured()
        return
    # The library comes with an extra.
    from rerankq.monitoring.metrics.deliveries import count_deliveries  # noqa: PLC0415
    from rerankq.monitoring.metrics.jobs import WorkerJobs  # noqa: PLC0415
    from rerankq.monitoring.metrics.ledger_gauges import ledger_gauges  # noqa: PLC0415
    from rerankq.monitoring.metrics.loop_lag import LoopLag  # noqa: PLC0415
    from rerankq.monitoring.metrics.registry import Metrics  # noqa: PLC0415
    from rerankq.monitoring.metrics.shadows import Shadows  # noqa: PLC0415
    from rerankq.monitoring.metrics.upstream import UpstreamCalls  # noqa: PLC0415
    from rerankq.monitoring.metrics.worker import watch_worker  # noqa: PLC0415

    metrics = Metrics()
    url, namespace, most = settings.redis_url, settings.namespace, settings.max_in_flight
    WorkerJobs(metrics, events, lane)
    UpstreamCalls(metrics, events)
    Shadows(metrics, events)
    count_deliveries(metrics, events)
    watch_worker(metrics, events, lane, held=held, most_calls=most)
    async with ledger_gauges(metrics, url, namespace, max_calls=most) as ledger:
        yield Measured(metrics.text, (LoopLag(metrics).run(), ledger.run()))
