"""Shows how a worker itself is."""

import time
from collections.abc import Callable

from rerankq.contract import Lane
from rerankq.events import (
    BrokerLost,
    Events,
    LedgerCallFailed,
    MessagePutAside,
    WorkerDraining,
    WorkerIsolated,
    WorkerReconnected,
)
from rerankq.monitoring.metrics import catalogue
from rerankq.monitoring.metrics.children import Children
from rerankq.monitoring.metrics.registry import Metrics


def watch_worker(
    metrics: Metrics, events: Events, lane: Lane, *, held: Callable[[], int], most_calls: int
) -> None:
    """Show a worker's state, and count its troubles.

    Args:
        metrics: where they are shown.
        events: of the worker.
        lane: the worker's.
        held: returns how many jobs it holds.
        most_calls: how many calls it may have in flight.
    """
    metrics.gauge(catalogue.STARTED).labels("worker").set(time.time())
    metrics.gauge(catalogue.HELD).labels(lane.value).set_function(held)
    metrics.gauge(catalogue.MOST_CALLS).labels(lane.value).set(most_calls)
    draining = metrics.gauge(catalogue.DRAINING).labels(lane.value)
    isolated = Children(metrics.gauge(catalogue.ISOLATED), 1)
    put_aside = metrics.counter(catalogue.PUT_ASIDE).labels(lane.value)
    failures = Children(metrics.counter(catalogue.LEDGER_FAILURES), 1)
    broker_lost = metrics.counter(catalogue.BROKER_LOST)
    events.listen(lambda _: draining.set(1), WorkerDraining)
    events.listen(lambda event: isolated[event.account].set(1), WorkerIsolated)
    events.listen(lambda event: isolated[event.account].set(0), WorkerReconnected)
    events.listen(lambda _: put_aside.inc(), MessagePutAside)
    events.listen(lambda event: failures[event.operation.value].inc(), LedgerCallFailed)
    events.listen(lambda _: broker_lost.inc(), BrokerLost)
