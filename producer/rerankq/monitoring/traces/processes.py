"""The listeners of each kind of process, and the end of its traces."""

import atexit
from collections.abc import Mapping
from contextlib import AbstractContextManager

from rerankq.contract import Lane
from rerankq.events import Events, WorkerDrained, WorkerRestarting
from rerankq.monitoring.traces.deliveries import DeliveryTraces
from rerankq.monitoring.traces.endpoint import Endpoint
from rerankq.monitoring.traces.jobs import JobTraces
from rerankq.monitoring.traces.requests import RequestTraces
from rerankq.monitoring.traces.sending import Traces


class WorkerTraces:
    """The traces of a worker; they end with its drain.

    Args:
        events: of the worker.
        lane: the lane that it serves.
        endpoints: of the sites, by their names.
    """

    def __init__(self, events: Events, lane: Lane, endpoints: Mapping[str, Endpoint]) -> None:
        self._traces = Traces(service="worker", lane=lane.value)
        JobTraces(events, self._traces, endpoints)
        DeliveryTraces(events, self._traces)
        events.listen(self._drained, WorkerDrained)
        events.listen(self._restarting, WorkerRestarting)
        atexit.register(self._traces.end)

    def _drained(self, _: WorkerDrained) -> None:
        # The event loop may wait here: it holds no jobs any more, and the process ends soon.
        self._traces.end()

    def _restarting(self, event: WorkerRestarting) -> None:
        if not event.may_finish:
            # While outcomes are written; the new process takes this one's place after that.
            self._traces.end_soon()


class GatewayTraces:
    """The traces of a gateway, and of the client in it.

    Args:
        events: of the gateway.
    """

    def __init__(self, events: Events) -> None:
        self._traces = Traces(service="gateway")
        self._traces.use_for_clients()
        self._requests = RequestTraces(events, self._traces)
        DeliveryTraces(events, self._traces)

    def begun(self, method: str, parent: str | None) -> AbstractContextManager[str]:
        """See `RequestTraces`."""
        return self._requests.begun(method, parent)

    def end(self) -> None:
        """Send what is left, and wait for that, though not for long."""
        self._traces.end()
