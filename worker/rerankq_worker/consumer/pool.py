"""A Celery worker pool that awaits on one asyncio loop.

Celery's own hub keeps running in the main thread; the loop has a thread of its own. For each
message the coroutine is awaited first, then Celery's ordinary tracer runs with the stored
outcome, so states, signals and events stay Celery's. All of Celery is called from the hub's
thread, because its acknowledgements are not thread-safe.

A signal handler starts the drain on the loop at once. It does not wait for Celery's hub, which may
be waiting for Redis. After the drain Celery shuts down by itself if it can (see `deadline`).

Extension point: `worker_pool`, a subclass of celery.concurrency.base.BasePool.
"""

import asyncio
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, ClassVar, Final, Protocol

from billiard.einfo import ExceptionInfo
from celery import Task
from celery.concurrency.base import BasePool
from celery.signals import worker_shutting_down
from celery.worker import state
from kombu.asynchronous import get_event_loop
from kombu.serialization import loads

from rerankq_worker.process.shutdown_deadline import ENDING_SIGNALS, IS_HANGUP_IGNORED, ORDERLY

BEAT_SECONDS: Final = 1.0
JSON_ONLY: Final = frozenset({"application/json"})


class Service(Protocol):
    """What runs on the loop."""

    async def serve(self, arguments: Mapping[str, Any], accepted: Callable[[], None]) -> Any:
        """Do what a message asks for; call `accepted` once the message is no longer needed."""
        ...

    async def drain(self) -> None:
        """Finish what was accepted, or give it back."""
        ...

    def hurry(self) -> None:
        """Cut the drain short, whether it has begun or not."""
        ...


class AwaitedTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """A task whose outcome is known before Celery runs it."""

    abstract = True
    outcomes: ClassVar[dict[str, Any]] = {}

    def run(self, *_: Any, **__: Any) -> Any:
        """Return or raise the coroutine's outcome."""
        outcome = self.outcomes.pop(str(self.request.id))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way through the pool, with Celery's callbacks for it."""

    trace: Callable[..., tuple[int, Any, float]]
    arguments: tuple[Any, ...]
    on_accepted: Callable[[int, float], None]
    on_done: Callable[[tuple[int, Any, float]], None]

    @property
    def task_id(self) -> str:
        """Celery's id of the message."""
        return str(self.arguments[1])

    def keywords(self) -> Mapping[str, Any]:
        """The keyword arguments in the message's body.

        Raises:
            kombu.exceptions.KombuError: the body is no JSON.
            TypeError, ValueError: the body is not that of a task.
        """
        body, content_type, content_encoding = self.arguments[3:6]
        _, keywords, _ = loads(body, content_type, content_encoding, accept=JSON_ONLY)
        if not isinstance(keywords, Mapping):
            raise TypeError("the message's keyword arguments are no object")
        return keywords


class AsyncioPool(BasePool):
    """Runs the service of `app.service` in a thread with an event loop."""

    signal_safe = False
    body_can_be_buffer = True

    def on_start(self) -> None:
        """Open the service; what it raises ends the worker's start."""
        hub = get_event_loop()
        assert hub is not None  # noqa: S101  Celery makes it before the pool
        self._hub = hub
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._hurry_service: Callable[[], None] = lambda: None
        self._unaccepted: set[asyncio.Task[None]] = set()
        self._for_hub: deque[Callable[[], None]] = deque()
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="rerankq-loop", daemon=True)
        self._thread.start()
        self.app.deadline.watch()
        for number in ENDING_SIGNALS:
            # Replaces Celery's handler, which on a second Ctrl-C would run a full drain itself.
            signal.signal(number, self._on_signal)
        if IS_HANGUP_IGNORED:
            # Celery would restart the process on SIGHUP.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._opened.result()

    def register_with_event_loop(self, loop: Any) -> None:
        """Start the hub's heartbeat; Celery calls this at the start and for each new connection."""
        loop.call_repeatedly(BEAT_SECONDS, self._beat)

    def on_apply(
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...] = (),
        _kwargs: Mapping[str, Any] | None = None,
        callback: Callable[..., None] | None = None,
        accept_callback: Callable[..., None] | None = None,
        **_: Any,
    ) -> None:
        """Take a message over from Celery."""
        assert callback is not None  # noqa: S101  Celery's requests always pass both
        assert accept_callback is not None  # noqa: S101
        delivery = Delivery(target, tuple(args), accept_callback, callback)
        self.app.heartbeats.delivery = time.monotonic()
        self._tell_loop(self._deliver, delivery)

    def on_stop(self) -> None:
        """Wait for the drain. The hub keeps running, to send acknowledgements and events."""
        if not self.app.heartbeats.stop_asked:
            # The stop came from Celery's remote control or an error in Celery, not from a signal.
            self._stop()
        while self._thread.is_alive():
            self._hub.run_once()
        # Run what the thread handed over last.
        self._hub.call_soon(lambda: None)
        self._hub.run_once()

    def on_terminate(self) -> None:
        """A cold stop: end at once. The leases expire, and the jobs are queued again."""

    def _beat(self) -> None:
        self.app.heartbeats.hub_beat = time.monotonic()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        # A second signal, or SIGQUIT, means that the user does not want to wait.
        if self.app.heartbeats.stop_asked or number == signal.SIGQUIT:
            self._hurry()
        self._stop()
        # Celery's own handlers tell the hub in the same way.
        state.should_stop = ORDERLY  # type: ignore[assignment]  # the stubs know None alone
        worker_shutting_down.send(
            sender=self.app.node, sig=signal.Signals(number).name, how="Warm", exitcode=ORDERLY
        )

    def _stop(self) -> None:
        self.app.heartbeats.stop_asked = True
        self.app.deadline.asked()
        if not self._opened.done():
            # No job is held yet, and without Redis the service may never open.
            self.app.deadline.drained()
        self._tell_loop(self._stopping.set)

    def _hurry(self) -> None:
        self.app.deadline.hurried()
        self._tell_loop(self._hurry_service)

    def _tell_loop(self, what: Callable[..., None], *arguments: object) -> None:
        # A closed loop has ended its drain: there is nothing left to tell it.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *arguments)

    def terminate_job(self, pid: int, signal: Any = None) -> None:
        """Do nothing: a message is only a hint; `rerankq cancel` ends a job."""

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve_until_asked())

    async def _serve_until_asked(self) -> None:
        make: Callable[[], AbstractAsyncContextManager[Service]] = self.app.service
        try:
            async with make() as self._service:
                self._hurry_service = self._service.hurry
                self._opened.set_result(None)
                await self._stopping.wait()
                for task in self._unaccepted:
                    # Its message is not acknowledged, so the broker delivers it to another worker.
                    # The drain finishes a claim that has begun.
                    task.cancel()
                self.app.heartbeats.draining = True
                await self._service.drain()
                self.app.deadline.drained()
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)
        finally:
            # Wake the hub, so that on_stop soon sees that this thread has ended.
            self._hub.call_soon(lambda: None)

    def _deliver(self, delivery: Delivery) -> None:
        if self._stopping.is_set():
            return
        task = asyncio.create_task(self._serve(delivery))
        self._unaccepted.add(task)
        task.add_done_callback(self._unaccepted.discard)

    async def _serve(self, delivery: Delivery) -> None:
        task = asyncio.current_task()

        def accepted() -> None:
            if task in self._unaccepted:
                self._unaccepted.discard(task)
                self._tell_hub(partial(delivery.on_accepted, os.getpid(), time.monotonic()))

        outcome: Any
        try:
            outcome = await self._service.serve(delivery.keywords(), accepted)
        except Exception as error:  # noqa: BLE001  it belongs to Celery's tracer, which reports it
            outcome = error
        accepted()
        self._tell_hub(partial(_trace, delivery, outcome))

    def _tell_hub(self, what: Callable[[], None]) -> None:
        self._for_hub.append(what)
        self._hub.call_soon(self._work_off)

    def _work_off(self) -> None:
        """Run what was handed to the hub, in order; the hub itself guarantees no order.

        If a message's end were told before its beginning, Celery would list it as active for ever.
        """
        try:
            while self._for_hub:
                self._for_hub.popleft()()
        finally:
            if self._for_hub:
                # One of them raised, and the hub handles that; the rest runs in the next turn.
                self._hub.call_soon(self._work_off)


def _trace(delivery: Delivery, outcome: Any) -> None:
    """Run Celery's tracer with the outcome; call Celery back in any case."""
    AwaitedTask.outcomes[delivery.task_id] = outcome
    try:
        traced = delivery.trace(*delivery.arguments)
    except Exception:  # noqa: BLE001  a message that Celery's tracer cannot read either
        traced = 1, ExceptionInfo(), 0.0
    finally:
        AwaitedTask.outcomes.pop(delivery.task_id, None)
    delivery.on_done(traced)
