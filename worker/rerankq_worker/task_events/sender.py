"""Sends recorded events, many in one message; when nobody listens, next to nothing is sent."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol, Self

import orjson

from rerankq.broker.event_messages import EventMessages
from rerankq.contract import JobState
from rerankq.counting import counted
from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.events import JobRevoked
from rerankq.ledger.records import Records
from rerankq.store.store import Store
from rerankq_worker.task_events.fields import Fields, revoked, task_event
from rerankq_worker.task_events.recorder import Recorded, TaskEvents

log = logging.getLogger(__name__)

GATHER_SECONDS: Final = 0.5
"""Time between two messages, unless there is enough for a full one."""
MOST_TOGETHER: Final = 500
"""Events in one message: making it keeps the event loop for 2 ms."""
LAST_SECONDS: Final = 1.0
"""How long the last message may take when the worker ends."""


_REVOKED: Final = frozenset({JobState.CANCELLED, JobState.EXPIRED})


class Clock(Protocol):
    """The node's logical clock (Lamport's), by which listeners put events in order."""

    value: int

    def adjust(self, other: int) -> int:
        """Move it to this value, at least, and one further."""
        ...


class TaskEventSender:
    """Sends what is recorded; its last message when its context ends.

    Args:
        recorded: the events.
        store: the Redis that carries Celery's messages.
        messages: makes them.
        records: tell why a worker stopped its work on a job: another may have it now.
        node: name of this Celery node.
        clock: the node's logical clock.
    """

    def __init__(
        self,
        recorded: TaskEvents,
        store: Store,
        messages: EventMessages,
        records: Records,
        *,
        node: str,
        clock: Clock,
    ) -> None:
        self._recorded = recorded
        self._store = store
        self._messages = messages
        self._records = records
        self._node = node
        self._clock = clock
        self._is_heard = True
        self._said_dropped = 0
        self._is_refused = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(TimeoutError, LedgerUnavailable):
            async with asyncio.timeout(LAST_SECONDS):
                await self._send_all()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await asyncio.sleep(GATHER_SECONDS)
            # While Redis is away the events wait; other parts log that it is.
            with suppress(LedgerUnavailable):
                await self._send_all()
            self._say_dropped()

    async def _send_all(self) -> None:
        while self._recorded.waiting:
            # A single event finds out whether anybody listens.
            taken = self._recorded.take(MOST_TOGETHER if self._is_heard else 1)
            try:
                self._is_heard = await self._send(taken)
            except LedgerUnavailable as error:
                if not (error.lasting or isinstance(error, LedgerRefusal)):
                    self._recorded.give_back(taken)
                    raise
                self._say_refused(error)
                self._is_heard = False
            except asyncio.CancelledError:
                self._recorded.give_back(taken)
                raise
            if not self._is_heard:
                self._recorded.clear()

    async def _send(self, taken: Sequence[Recorded]) -> bool:
        """Send events; returns whether anybody listens."""
        events = await self._as_celery_has_them(taken)
        if not events:
            return self._is_heard
        message = self._messages.message(self._in_json(events))
        listeners: int = await self._store.command("PUBLISH", self._messages.channel, message)
        return listeners > 0

    async def _as_celery_has_them(self, taken: Sequence[Recorded]) -> list[Fields]:
        left = [event.job.id for _, event in taken if isinstance(event, JobRevoked)]
        found = dict(zip(left, await self._records.outlines(left), strict=True))
        events = []
        for at, event in taken:
            if not isinstance(event, JobRevoked):
                events.append(task_event(at, event))
            elif (job := found[event.job.id]) and job.state in _REVOKED:
                events.append(revoked(at, event.job, job.state))
        return events

    def _in_json(self, events: list[Fields]) -> bytes:
        clock = self._clock.value
        for event in events:
            clock += 1
            event["clock"] = clock
            event["hostname"] = self._node
        self._clock.adjust(clock)
        return orjson.dumps(events)

    def _say_dropped(self) -> None:
        dropped = self._recorded.dropped
        if dropped > self._said_dropped == 0:
            log.warning(
                "%s for Flower could not be sent in time: more follow, and are not logged",
                counted(dropped, "task event"),
            )
        self._said_dropped = dropped

    def _say_refused(self, error: LedgerUnavailable) -> None:
        if not self._is_refused:
            self._is_refused = True
            log.warning("no task events for Flower: %s; RERANKQ_TASK_EVENTS=off sends none", error)
