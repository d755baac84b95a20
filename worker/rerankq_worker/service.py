"""The composition root: makes a worker's service, with all its parts, from settings."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
    closing,
)
from functools import partial
from secrets import token_hex
from typing import Any, Final

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.accounts.score_turns import ScoreTurns
from rerankq.broker.announce import Announcer
from rerankq.broker.backlog import Backlog
from rerankq.broker.callbacks import CallbackTasks
from rerankq.broker.pidbox import forget_pidboxes
from rerankq.contract import Lane
from rerankq.events import Events
from rerankq.ledger.callback_workers import CallbackWorkers
from rerankq.ledger.checkpoints import Checkpoints
from rerankq.ledger.deadlines import deadline_of
from rerankq.ledger.leases import Leases
from rerankq.ledger.outbox import Outbox
from rerankq.ledger.presence import Presence
from rerankq.ledger.sweep import Sweep
from rerankq.store.durability import warn_of_losses
from rerankq.store.store import Retention, Store
from rerankq_worker.consumer.tasks import HintService
from rerankq_worker.jobs.attempts import Attempts
from rerankq_worker.jobs.callback_versions import watch_versions
from rerankq_worker.jobs.callbacks import send_callbacks
from rerankq_worker.jobs.cheap_hours import CheapHoursWait
from rerankq_worker.jobs.completer import Completer
from rerankq_worker.jobs.executor import Executor
from rerankq_worker.jobs.history import keep_history
from rerankq_worker.jobs.in_flight import InFlightJobs, jobs_in_flight
from rerankq_worker.jobs.introduction import introduce
from rerankq_worker.jobs.last_write import write_out
from rerankq_worker.jobs.lease_keeper import keep_leases
from rerankq_worker.jobs.long_documents import LongDocumentCutter
from rerankq_worker.jobs.reconciler import reconcile
from rerankq_worker.jobs.retry import RetryPolicy
from rerankq_worker.jobs.shadows import Shadows
from rerankq_worker.limits.reach import Reach
from rerankq_worker.limits.routes import Routes
from rerankq_worker.limits.score_checks import ScoreChecks
from rerankq_worker.opened_reuse import opened_reuse
from rerankq_worker.opened_routes import opened_routes
from rerankq_worker.opened_shadows import opened_shadows
from rerankq_worker.process.duties import in_background
from rerankq_worker.process.garbage import spare_the_collector
from rerankq_worker.process.health import health_served
from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.ledger_contact import LedgerContact
from rerankq_worker.process.restart import Restart
from rerankq_worker.process.watchdog import Watchdog
from rerankq_worker.reuse.score_reuse import ScoreReuse
from rerankq_worker.reuse.sources import forget_model
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.task_events.sender import TaskEventSender
from rerankq_worker.telemetry.activity import Activity
from rerankq_worker.telemetry.metrics import measured
from rerankq_worker.telemetry.summary import summarise
from rerankq_worker.upstream.sites import Site, least_contexts

GATHER_SECONDS: Final = {Lane.BULK: 0.025, Lane.INTERACTIVE: 0.0}
"""Time between two writes of outcomes. It is short for bulk jobs; and if the worker is killed, the
unwritten outcomes of this time are few compared with the calls in flight."""

LEDGER_ANSWER_SECONDS: Final = 30.0
"""Long, because a worker holds outcomes of calls that were paid for."""


class Service:
    """Puts the parts of one worker together; nothing else does.

    Args:
        settings: the user's settings.
        sites: where jobs may be sent.
        lane: the lane that the worker serves.
        node: the worker's name in Celery.
        heartbeats: where its parts record that they run.
        events: told what happens.
        task_events: makes the part that sends Celery's events of jobs; None for no such events.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        sites: Sequence[Site],
        lane: Lane,
        node: str,
        heartbeats: Heartbeats,
        events: Events,
        task_events: Callable[[Store], TaskEventSender] | None = None,
    ) -> None:
        self._task_events = task_events
        self._settings = settings
        self._sites = sites
        self._serving = [each for each in sites if not each.shadow]
        self._lane = lane
        self._node = node
        self._heartbeats = heartbeats
        self._events = events
        self._contact = LedgerContact(events)
        self._lease_seconds = settings.lease_seconds
        self._retention = Retention(settings.result_ttl, settings.dead_ttl, settings.usage_days)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[HintService]:
        """The service that the pool runs on its loop, with all background tasks running."""
        settings, events, lease_seconds = self._settings, self._events, self._lease_seconds
        activity = Activity(events)
        # A new process may get this one's process id, and so its node name: make the name unique.
        name = f"{self._node}.{token_hex(4)}"
        async with (
            self._store(LEDGER_ANSWER_SECONDS) as store,
            # Renewals have a connection of their own with a short time limit, so that a connection
            # that hangs does not cost the leases.
            self._store(lease_seconds / 4) as renewal_store,
            AsyncExitStack() as providers,
        ):
            await warn_of_losses(store)
            await forget_pidboxes(store)
            in_flight = jobs_in_flight(self._lane, settings.max_in_flight)
            leases = self._leases(store, name, events)
            renewals = self._leases(renewal_store, name)
            every_route = await opened_routes(
                self._serving, settings, self._lane, events, providers
            )
            routes = Routes(
                every_route,
                SharedBreakers(renewal_store),
                max_in_flight=settings.max_in_flight,
                changed=in_flight.notify,
                passengers=settings.max_in_flight if settings.shared_calls else 0,
                events=events,
            )
            reach = Reach(
                every_route,
                changed=in_flight.notify,
                say=partial(setattr, self._heartbeats, "upstream_trouble"),
                events=events,
            )
            exchanges = routes.exchanges(Accounts(renewal_store), worker=self._node)
            completer = Completer(
                leases,
                in_flight,
                lease_seconds=lease_seconds,
                gather_seconds=GATHER_SECONDS[self._lane],
                events=events,
            )
            shadows = await providers.enter_async_context(
                opened_shadows(
                    *(self._sites, settings, self._lane, renewal_store),
                    worker=self._node,
                    may_call=lambda: not executor.is_draining,
                    events=events,
                    cutter=self._cutter(),
                )
            )
            cheap_hours = self._cheap_hours(renewal_store, leases)
            reuse = await providers.enter_async_context(
                opened_reuse(settings, self._lane, every_route, routes.breakers)
            )
            executor = self._executor(
                leases,
                in_flight,
                completer,
                routes,
                shadows,
                reuse,
                Checkpoints(store),
                cheap_hours,
            )
            restart = self._restart(executor, completer)
            watchdog = Watchdog(
                self._heartbeats,
                Backlog(renewal_store, self._lane),
                store.answers,
                takes_more=executor.takes_more,
                restart=restart,
            )
            sweep = Sweep(
                store, self._retention, lease_seconds=lease_seconds, worker=name, events=events
            )
            metrics = await providers.enter_async_context(
                measured(settings, events, self._lane, held=lambda: len(in_flight.leases()))
            )
            with (
                closing(Announcer(settings.redis_url, settings.namespace)) as announcer,
                closing(CallbackTasks(settings.callback_broker)) as tasks,
            ):
                duties = (
                    completer.run(),
                    watchdog.run(),
                    keep_leases(renewals, in_flight, lease_seconds=lease_seconds, events=events),
                    reconcile(sweep, announcer, events),
                    send_callbacks(Outbox(renewal_store), tasks, events),
                    watch_versions(CallbackWorkers(renewal_store), name, events),
                    *(each.run() for each in exchanges),
                    reach.run(),
                    introduce(Presence(renewal_store), name),
                    self._score_checks(routes, renewal_store, executor).run(),
                    keep_history(renewal_store, settings, events),
                    summarise(activity, lambda: len(in_flight.leases())),
                    *metrics.duties,
                    *([reuse.duty()] if reuse else []),
                )
                health = health_served(
                    self._heartbeats,
                    host=settings.health_host,
                    port=settings.health_port,
                    metrics=metrics.text,
                )
                async with (
                    health,
                    self._sending(renewal_store) as sending,
                    in_background(restart, *duties, *sending),
                ):
                    spare_the_collector()
                    yield HintService(executor, drain_seconds=settings.drain_seconds)
            for exchange in exchanges:
                await exchange.leave()

    def _store(self, answer_seconds: float) -> Store:
        settings = self._settings
        return Store(
            settings.redis_url,
            settings.namespace,
            answer_seconds=answer_seconds,
            recovered=self._contact.recovered,
            concern=settings.write_concern,
        )

    def _leases(self, store: Store, worker: str, events: Events | None = None) -> Leases:
        return Leases(
            store,
            self._retention,
            worker=worker,
            lease_seconds=self._lease_seconds,
            events=events,
        )

    @asynccontextmanager
    async def _sending(self, store: Store) -> AsyncIterator[Sequence[Coroutine[Any, Any, None]]]:
        """The duty that sends Celery's events, if any; the last are sent after the duties' end."""
        if self._task_events:
            async with self._task_events(store) as sender:
                yield [sender.run()]
        else:
            yield []

    def _executor(
        self,
        leases: Leases,
        in_flight: InFlightJobs,
        completer: Completer,
        routes: Routes,
        shadows: Shadows | None,
        reuse: ScoreReuse | None,
        checkpoints: Checkpoints,
        cheap_hours: CheapHoursWait | None,
    ) -> Executor:
        settings = self._settings
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
            lease_seconds=self._lease_seconds,
            cutter=self._cutter(),
            cheap_hours=cheap_hours,
            shadows=shadows,
            checkpoints=checkpoints,
            shares_calls=settings.shared_calls,
            job_calls=settings.job_calls,
            reuse=reuse,
            events=self._events,
        )
        return Executor(
            leases=leases,
            in_flight=in_flight,
            completer=completer,
            routes=routes,
            attempts=attempts,
            events=self._events,
        )

    def _cheap_hours(self, store: Store, leases: Leases) -> CheapHoursWait | None:
        if not any(each.cheap_hours for each in self._serving):
            return None
        settings = self._settings
        return CheapHoursWait(
            self._serving,
            deadline_of=partial(deadline_of, store),
            now=leases.now,
            margin=settings.cheap_hours_margin,
            give_up=settings.give_up_seconds,
        )

    def _cutter(self) -> LongDocumentCutter:
        settings = self._settings
        return LongDocumentCutter(
            least_contexts(self._serving),
            default=settings.long_documents,
            most_passages=settings.most_passages,
        )

    def _score_checks(self, routes: Routes, store: Store, executor: Executor) -> ScoreChecks:
        settings = self._settings
        return ScoreChecks(
            routes,
            self._serving,
            ScoreTurns(store),
            model=settings.model,
            every=settings.score_check_seconds,
            may_call=lambda: not executor.is_draining,
            forget=partial(forget_model, store),
            events=self._events,
        )

    def _restart(self, executor: Executor, completer: Completer) -> Restart:
        return Restart(
            self._heartbeats,
            # No call takes longer than this.
            drain=partial(executor.drain, self._settings.call_seconds),
            events=self._events,
            write_out=lambda: write_out(
                completer.unwritten(),
                self._own_leases,
                lease_seconds=self._lease_seconds,
                events=self._events,
            ),
        )

    @asynccontextmanager
    async def _own_leases(self) -> AsyncIterator[Leases]:
        """The ledger for the last write, on new connections."""
        settings = self._settings
        concern = settings.write_concern
        async with Store(settings.redis_url, settings.namespace, concern=concern) as store:
            yield self._leases(store, self._node)
