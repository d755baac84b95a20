"""One registry a process, and the text that Prometheus reads."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from threading import Thread
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import disable_created_metrics

from rerankq.monitoring.metrics.catalogue import BUILD, Described
from rerankq.monitoring.metrics.histogram import Histogram

MODELS: Final = 50
"""So many models have series of their own."""


class Metrics:
    """The metrics of one process.

    Attributes:
        registry: the library's.
    """

    def __init__(self) -> None:
        # They would double the number of series, and say what the process' start says.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry: Final = CollectorRegistry(auto_describe=False)
        # CPU, memory, open files and start of the process, by the library's standard names.
        ProcessCollector(registry=self.registry)
        self.gauge(BUILD).labels(version("rerankq")).set(1)

    def counter(self, described: Described) -> Counter:
        """A counter of the catalogue."""
        return Counter(described.name, described.meaning, described.labels, registry=self.registry)

    def gauge(self, described: Described) -> Gauge:
        """A gauge of the catalogue."""
        return Gauge(described.name, described.meaning, described.labels, registry=self.registry)

    def histogram(self, described: Described) -> Histogram:
        """A histogram of the catalogue."""
        made = Histogram(described)
        self.registry.register(made)
        return made

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """All metrics as text, and its content type.

        Args:
            accept: the reader's `Accept` header; OpenMetrics if it asks for that.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def serve(self, host: str, ports: Iterable[int]) -> Callable[[], None] | None:
        """Serve them at `/metrics`, in a thread of its own.

        Args:
            host: the address to listen on.
            ports: the first of these that is free is taken.

        Returns:
            A function that ends it; None when none of the ports is free.
        """
        for port in ports:
            with suppress(OSError):
                return partial(_stop, *start_http_server(port, host, self.registry))
        return None


def _stop(server: WSGIServer, thread: Thread) -> None:
    server.shutdown()
    server.server_close()
    thread.join()
