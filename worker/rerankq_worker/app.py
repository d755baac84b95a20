"""The composition root: settings in, a Celery worker with all its parts out. Nothing else wires."""

import asyncio
import gc
import logging
import os
import socket
import warnings
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
    nullcontext,
)
from functools import partial
from secrets import token_hex
from typing import Any, Final

from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.signals import setup_logging, worker_ready

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.broker.announce import Announcer, celery_settings
from rerankq.broker.backlog import Backlog
from rerankq.broker.celery_app import IsolatedApp
from rerankq.broker.pidbox import forget_mailboxes
from rerankq.contract import Lane
from rerankq.events import Events
from rerankq.ledger.leases import Leases
from rerankq.ledger.sweep import Sweep
from rerankq.store.durability import warn_of_losses
from rerankq.store.store import Retention, Store
from rerankq_worker.consumer.pool import AsyncioPool
from rerankq_worker.consumer.tasks import HintService, RerankTask
from rerankq_worker.jobs.attempts import Attempts
from rerankq_worker.jobs.completer import Completer
from rerankq_worker.jobs.executor import Executor
from rerankq_worker.jobs.in_flight import InFlightJobs
from rerankq_worker.jobs.last_write import write_out
from rerankq_worker.jobs.lease_keeper import keep_leases
from rerankq_worker.jobs.reconciler import reconcile
from rerankq_worker.jobs.retry import RetryPolicy
from rerankq_worker.limits.permits import Permits
from rerankq_worker.limits.reach import Reach
from rerankq_worker.limits.route import Route
from rerankq_worker.limits.routes import Routes
from rerankq_worker.process.error_origin import origin
from rerankq_worker.process.health import health_served
from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.restart import Restart
from rerankq_worker.process.shutdown_deadline import ShutdownDeadline
from rerankq_worker.process.watchdog import Watchdog
from rerankq_worker.provider import HttpProvider
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.telemetry.activity import Activity
from rerankq_worker.telemetry.event_log import log_events
from rerankq_worker.telemetry.log_setup import keep_log
from rerankq_worker.telemetry.summary import summarise
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.observed import ObservedProvider
from rerankq_worker.upstream.port import Provider
from rerankq_worker.upstream.sites import Account, Key, Site

log = logging.getLogger(__name__)

HINTS_AHEAD: Final = {Lane.BULK: 2, Lane.INTERACTIVE: 16}
"""Messages a worker may hold before their jobs are claimed: enough to hide the round trips,
few enough that an idle worker finds them with the broker and not with a busy one."""

JOBS_AHEAD: Final = {Lane.BULK: 0.25, Lane.INTERACTIVE: 0.0}
"""Of the calls that can be under way: so many more jobs a worker has in hand, to be begun while
ends are written and the next jobs are claimed."""

GATHER_SECONDS: Final = {Lane.BULK: 0.025, Lane.INTERACTIVE: 0.0}
"""From one write of ends to the next: nothing to whoever waits for bulk, and far less than the
calls that are made again should the worker be killed."""

CANCEL_SECONDS: Final = 0.2

GARBAGE_OBJECTS: Final = 10_000
"""New objects until the collector looks for cycles: a job makes hundreds, and none that is one."""

LEDGER_ANSWER_SECONDS: Final = 30.0
"""Patient: a worker holds results that were paid for."""


class WorkerApp(IsolatedApp):
    """A Celery app that knows what its pool runs.

    Attributes:
        rerankq_events: what happens here. Listeners join before `serve`; the log is one of them.
    """

    def __init__(self, settings: WorkerSettings, sites: Sequence[Site], lane: Lane) -> None:
        super().__init__(
            celery_settings(settings.redis_url, settings.namespace) | _worker_settings(),
            set_as_current=True,
        )
        self._settings = settings
        self._sites = sites
        self.lane = lane
        self.node = f"{lane}.{os.getpid()}@{socket.gethostname()}"
        self.register_task(RerankTask())
        self.rerankq_events = Events()
        log_events(self.rerankq_events)
        self.heartbeats = Heartbeats()
        self.deadline = ShutdownDeadline(settings.drain_seconds)

    def service(self) -> AbstractAsyncContextManager[HintService]:
        """What the pool opens on its loop."""
        return _service(
            self._settings, self._sites, self.lane, self.node, self.heartbeats, self.rerankq_events
        )

    def serve(self) -> int:
        """Consume the lane's queue until a signal ends it; returns the exit code."""
        # That there are receivers keeps Celery from setting the log up, and from its own words.
        setup_logging.connect(keep_log)
        # Of being root, which is no danger where only JSON is read.
        warnings.simplefilter("ignore", SecurityWarning)
        worker_ready.connect(self._on_ready)
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
        # Of what Celery may change one day. Its start has put these warnings on, so not before.
        warnings.simplefilter("ignore", CPendingDeprecationWarning)
        log.info("%s is ready.", self.node)


def _worker_settings() -> dict[str, Any]:
    return {
        "broker_transport": "rerankq_worker.consumer.broker:GatedTransport",
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        # Counts active messages as unacknowledged ones, which ours are not.
        "worker_enable_prefetch_count_reduction": False,
        "worker_redirect_stdouts": False,
        "broker_connection_retry_on_startup": True,
        # For ever: a worker outlives any outage of its broker.
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
    }


@asynccontextmanager
async def _service(
    settings: WorkerSettings,
    sites: Sequence[Site],
    lane: Lane,
    node: str,
    heartbeats: Heartbeats,
    events: Events,
) -> AsyncIterator[HintService]:
    retention = Retention(settings.result_ttl, settings.dead_ttl)
    lease_seconds = settings.lease_seconds
    activity = Activity(events)
    async with (
        Store(
            settings.redis_url, settings.namespace, answer_seconds=LEDGER_ANSWER_SECONDS
        ) as store,
        # Renewals have a connection of their own, and little patience: one that is silent must
        # not cost the leases.
        Store(
            settings.redis_url, settings.namespace, answer_seconds=lease_seconds / 4
        ) as renewal_store,
        AsyncExitStack() as providers,
    ):
        await warn_of_losses(store)
        await forget_mailboxes(store)
        # Of this very process: one that is started in its place may have its number, and so node.
        name = f"{node}.{token_hex(4)}"
        leases = Leases(store, retention, worker=name, lease_seconds=lease_seconds, events=events)
        renewals = Leases(renewal_store, retention, worker=name, lease_seconds=lease_seconds)
        in_flight = InFlightJobs(int(settings.max_in_flight * (1 + JOBS_AHEAD[lane])))
        completer = Completer(
            leases,
            in_flight,
            lease_seconds=lease_seconds,
            gather_seconds=GATHER_SECONDS[lane],
            events=events,
        )
        ways = [
            route
            for site in sites
            for route in await _routes(settings, site, lane, providers, events)
        ]
        routes = Routes(
            ways,
            SharedBreakers(renewal_store),
            max_in_flight=settings.max_in_flight,
            changed=in_flight.notify,
            events=events,
        )
        reach = Reach(
            ways,
            changed=in_flight.notify,
            say=partial(setattr, heartbeats, "upstream_trouble"),
            events=events,
        )
        exchanges = routes.exchanges(Accounts(renewal_store), worker=node)
        attempts = Attempts(
            leases=leases,
            in_flight=in_flight,
            completer=completer,
            routes=routes,
            policy=RetryPolicy(
                max_attempts=settings.max_attempts,
                min_retry_seconds=settings.min_retry_seconds,
                give_up_seconds=settings.give_up_seconds,
            ),
            lease_seconds=lease_seconds,
            events=events,
        )
        executor = Executor(
            leases=leases,
            in_flight=in_flight,
            completer=completer,
            routes=routes,
            attempts=attempts,
            events=events,
        )
        restart = Restart(
            heartbeats,
            # No call takes longer.
            drain=partial(executor.drain, settings.call_seconds),
            write_out=lambda: write_out(
                completer.unwritten(),
                partial(_own_leases, settings, retention, node),
                lease_seconds=lease_seconds,
                events=events,
            ),
        )
        watchdog = Watchdog(
            heartbeats,
            Backlog(renewal_store, lane),
            store.answers,
            takes_more=executor.takes_more,
            restart=restart,
        )
        with closing(Announcer(settings.redis_url, settings.namespace)) as announcer:
            async with (
                _health(settings, heartbeats),
                background(
                    restart,
                    completer.run(),
                    watchdog.run(),
                    keep_leases(renewals, in_flight, lease_seconds=lease_seconds, events=events),
                    reconcile(
                        Sweep(
                            store,
                            retention,
                            lease_seconds=lease_seconds,
                            worker=name,
                            events=events,
                        ),
                        announcer,
                        events,
                    ),
                    *(each.run() for each in exchanges),
                    reach.run(),
                    summarise(activity, lambda: len(in_flight.leases())),
                ),
            ):
                _spare_the_collector()
                yield HintService(executor, drain_seconds=settings.drain_seconds)
        for exchange in exchanges:
            await exchange.leave()


@asynccontextmanager
async def _own_leases(
    settings: WorkerSettings, retention: Retention, node: str
) -> AsyncIterator[Leases]:
    """The ledger for one last write, on connections that nobody has used before."""
    async with Store(settings.redis_url, settings.namespace) as store:
        yield Leases(store, retention, worker=node, lease_seconds=settings.lease_seconds)


def _spare_the_collector() -> None:
    """Keep it from looking through what the start has made, and what every job makes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)


async def _routes(
    settings: WorkerSettings,
    site: Site,
    lane: Lane,
    providers: AsyncExitStack,
    events: Events,
) -> list[Route]:
    """The ways to a site: each account by each of its keys."""
    provider = await providers.enter_async_context(
        HttpProvider(
            url=site.url,
            dialect=DIALECTS[site.dialect](**site.options),
            call_seconds=settings.call_seconds,
        )
    )
    return [
        Route(site, key, _observed(provider, events, site, account, key), permits)
        for account in site.accounts
        for permits in [
            Permits(
                account,
                lane=lane,
                max_in_flight=settings.max_in_flight,
                endpoint=site.endpoint,
            )
        ]
        for key in account.keys
    ]


def _observed(
    provider: Provider, events: Events, site: Site, account: Account, key: Key
) -> Provider:
    return ObservedProvider(provider, events, site=site.name, account=account.name, key_id=key.id)


def _miss(restart: Restart, duty: "asyncio.Task[None]") -> None:
    """A duty that ended unasked would be missed by nobody, until jobs are stuck."""
    error = None if duty.cancelled() else duty.exception()
    if error:
        missed = asyncio.create_task(restart.in_order(f"a duty ended by {origin(error)}"))
        _restarting.add(missed)


_restarting: Final[set["asyncio.Task[None]"]] = set()
"""A task that nobody holds on to may vanish before it is done."""


def _health(settings: WorkerSettings, heartbeats: Heartbeats) -> AbstractAsyncContextManager[None]:
    if settings.health_port is None:
        return nullcontext()
    return health_served(heartbeats, host=settings.health_host, port=settings.health_port)


@asynccontextmanager
async def background(restart: Restart, *duties: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run duties that have no end beside the block."""
    tasks = [asyncio.create_task(duty) for duty in duties]
    for task in tasks:
        task.add_done_callback(partial(_miss, restart))
    try:
        yield
    finally:
        running = set(tasks)
        while running:
            for task in running:
                # Again and again: before Python 3.12, `asyncio.wait_for`, with which redis-py
                # waits, can swallow a cancellation.
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_SECONDS)
