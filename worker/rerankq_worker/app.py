"""A Celery app that serves one lane: Celery's settings, and the service that its pool runs."""

import logging
import os
import socket
import warnings
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final

from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.signals import setup_logging, worker_ready

from rerankq.broker.announce import celery_settings
from rerankq.broker.celery_app import IsolatedApp
from rerankq.broker.event_messages import EventMessages
from rerankq.contract import Lane
from rerankq.events import Events
from rerankq.ledger.records import Records
from rerankq.store.address import RedisAddress
from rerankq.store.pools import shown_address
from rerankq.store.store import Retention, Store
from rerankq_worker.consumer.connection_watch import ConnectionWatch, watch_connection
from rerankq_worker.consumer.pool import AsyncioPool
from rerankq_worker.consumer.reconnecting import PromptAMQP
from rerankq_worker.consumer.tasks import HintService, RerankTask
from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.shutdown_deadline import ShutdownDeadline
from rerankq_worker.service import Service
from rerankq_worker.settings import TaskEventsOf, WorkerSettings
from rerankq_worker.task_events.cancellation import Cancellation
from rerankq_worker.task_events.heartbeat import WORKER_EVENTS
from rerankq_worker.task_events.inspection import answer_for_jobs
from rerankq_worker.task_events.recorder import TaskEvents
from rerankq_worker.task_events.sender import TaskEventSender
from rerankq_worker.telemetry.event_log import log_events
from rerankq_worker.upstream.sites import Site

log = logging.getLogger(__name__)

HINTS_AHEAD: Final = {Lane.BULK: 2, Lane.INTERACTIVE: 16}
"""How many messages a worker may hold before their jobs are claimed: enough to hide round trips,
few enough that a busy worker keeps none from an idle one."""


class WorkerApp(IsolatedApp):
    """A Celery app that knows what its pool runs.

    Attributes:
        rerankq_events: what happens here. Add listeners before `serve`; the log is one.
        rerankq_jobs: what Celery's monitors are shown of jobs; None if they see no jobs.
    """

    amqp_cls = f"{PromptAMQP.__module__}:{PromptAMQP.__name__}"

    def __init__(self, settings: WorkerSettings, sites: Sequence[Site], lane: Lane) -> None:
        super().__init__(
            celery_settings(settings.redis_url, settings.namespace) | _worker_settings(),
            set_as_current=True,
            events_cls=WORKER_EVENTS,
        )
        self.rerankq_events = Events()
        log_events(self.rerankq_events)
        self._settings = settings
        self._sites = sites
        self.lane = lane
        self.node = f"{lane}.{os.getpid()}@{socket.gethostname()}"
        shows_jobs = settings.task_events is TaskEventsOf.JOBS
        self.rerankq_jobs = TaskEvents(self.rerankq_events) if shows_jobs else None
        task = RerankTask()
        task.send_events = settings.task_events is TaskEventsOf.MESSAGES
        self.register_task(task)
        self._cancellation = Cancellation(self.rerankq_events)
        self.heartbeats = Heartbeats()
        self.deadline = ShutdownDeadline(settings.drain_seconds)

    def service(self) -> AbstractAsyncContextManager[HintService]:
        """The service that the pool opens on its loop."""
        return Service(
            self._settings,
            self._sites,
            self.lane,
            self.node,
            self.heartbeats,
            self.rerankq_events,
            partial(self._sender, self.rerankq_jobs) if self.rerankq_jobs else None,
        ).opened()

    def _sender(self, recorded: TaskEvents, store: Store) -> TaskEventSender:
        settings = self._settings
        database = RedisAddress.parse(settings.redis_url).database
        records = Records(
            store, Retention(settings.result_ttl, settings.dead_ttl), self.rerankq_events
        )
        self._cancellation.open(records)
        return TaskEventSender(
            recorded,
            store,
            EventMessages(store.keys, database, self.node),
            records,
            node=self.node,
            clock=self.clock,  # type: ignore[attr-defined]  # the stubs lack it
        )

    def serve(self) -> int:
        """Consume the lane's queue until a signal ends it; returns the exit code."""
        # As the signal has a receiver, Celery does not set up the log.
        setup_logging.connect(_keep_log)
        # Celery warns of running as root, which is no danger as only JSON is read.
        warnings.simplefilter("ignore", SecurityWarning)
        worker_ready.connect(self._on_ready)
        address = shown_address(self._settings.redis_url)
        if self.rerankq_jobs:
            answer_for_jobs(
                self.rerankq_jobs,
                self._cancellation,
                node=self.node,
                pid=os.getpid(),
                calls=self._settings.max_in_flight,
            )
        watch_connection(self, ConnectionWatch(self.rerankq_events, address))
        worker = self.Worker(
            hostname=self.node,
            queues=[self.lane.queue, self.lane.redelivery_queue],
            pool_cls=AsyncioPool,
            concurrency=HINTS_AHEAD[self.lane],
            quiet=True,
            without_gossip=True,
            without_mingle=True,
        )
        worker.start()
        return int(worker.exitcode or 0)

    def _on_ready(self, **_: Any) -> None:
        # Celery warns of its future changes. Its start enables these warnings, so silence them now.
        warnings.simplefilter("ignore", CPendingDeprecationWarning)
        log.info("%s is ready.", self.node)


def _keep_log(**_: Any) -> None:
    """A receiver of `setup_logging`: as the signal has one, Celery does not set up the log."""


def _worker_settings() -> dict[str, Any]:
    return {
        "broker_transport": "rerankq_worker.consumer.broker:GatedTransport",
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        # It would count active messages as unacknowledged, but these are acknowledged early.
        "worker_enable_prefetch_count_reduction": False,
        "worker_redirect_stdouts": False,
        "broker_connection_retry_on_startup": True,
        # None means for ever: a worker outlives any outage of its broker.
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
    }
