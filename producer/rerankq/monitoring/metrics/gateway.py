"""Measures the requests of a gateway."""

import time
from collections.abc import Callable

from rerankq.events import CallDegraded, Events, FileUploaded, RequestFinished, RequestRefused
from rerankq.monitoring.metrics import catalogue
from rerankq.monitoring.metrics.children import OTHER, Children
from rerankq.monitoring.metrics.registry import Metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class GatewayRequests:
    """Measures requests, and counts those without a ranking.

    Args:
        metrics: where they are shown.
        events: of the gateway's client.
        waiting: returns how many requests wait for a job.
        most_waiting: how many may.
    """

    def __init__(
        self, metrics: Metrics, events: Events, *, waiting: Callable[[], int], most_waiting: int
    ) -> None:
        self._requests = Children(metrics.histogram(catalogue.REQUESTS), 3)
        refused = Children(metrics.counter(catalogue.REFUSED), 1)
        degraded = Children(metrics.counter(catalogue.DEGRADED), 1)
        self._uploads = metrics.counter(catalogue.UPLOADED)
        self._bytes = metrics.counter(catalogue.UPLOADED_BYTES)
        metrics.gauge(catalogue.STARTED).labels("gateway").set(time.time())
        metrics.gauge(catalogue.WAITERS).set_function(waiting)
        metrics.gauge(catalogue.MOST_WAITERS).set(most_waiting)
        events.listen(self._served, RequestFinished)
        events.listen(self._uploaded, FileUploaded)
        events.listen(lambda event: refused[event.by].inc(), RequestRefused)
        events.listen(lambda event: degraded[event.reason].inc(), CallDegraded)

    def _served(self, event: RequestFinished) -> None:
        method = event.method if event.method in METHODS else OTHER
        # A status of 0 tells that nobody waited for the answer.
        status = str(event.status) if event.status else "left"
        self._requests[method, event.route or OTHER, status].observe(event.seconds)

    def _uploaded(self, event: FileUploaded) -> None:
        self._uploads.inc()
        self._bytes.inc(event.size)
