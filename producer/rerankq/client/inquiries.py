"""Asks the ledger for all waits together: once for each job, and for many jobs at a time."""

import asyncio
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final

from rerankq.client.waits import Wait
from rerankq.errors import ClientClosed, LedgerUnavailable
from rerankq.ledger.ends import Ended
from rerankq.ledger.records import Records
from rerankq.store.store import Store

ASK_SECONDS: Final = 1.0
PAGE: Final = 500
PATIENCE_SECONDS: Final = 60.0
"""How long Redis may not answer before a wait gives up."""
READ_JOBS: Final = 100
READ_BYTES: Final = 1024 * 1024
"""Most bytes of results that are read at once; a single larger result is read alone."""


class Inquiries:
    """Asks about jobs for the waits of one event loop.

    It asks about a job when a message on its channel came or may have been missed, and in any case
    now and then, a page of jobs each second. Only the waits for that job are told.
    """

    def __init__(self, store: Store, records: Records) -> None:
        self._records = records
        self._channel = store.keys.result
        self._subscription = store.subscription(self._heard)
        self._clock = asyncio.get_running_loop().time
        self._waits: dict[str, set[Wait]] = {}
        self._all: set[Wait] = set()
        self._due: dict[str, None] = {}
        self._to_read: deque[tuple[Wait, list[Ended]]] = deque()
        self._asking: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._asked = 0
        self._away_since: float | None = None

    def begin(self, job_ids: Iterable[str], *, listen: bool) -> Wait:
        """Begin a wait.

        Args:
            job_ids: the jobs to wait for.
            listen: whether to subscribe to their channels; if not, they are asked about once, now.
        """
        wait = Wait(job_ids, began=self._clock(), asked_before=self._asked)
        self._all.add(wait)
        for job_id in wait.pending:
            self._waits.setdefault(job_id, set()).add(wait)
        if listen:
            self._subscription.join(map(self._channel, wait.pending))
        else:
            self._ask_about(wait.pending)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(ASK_SECONDS, self._ask_page)
        return wait

    def end(self, wait: Wait) -> None:
        """Forget a wait, also when some of its jobs have not ended."""
        self._all.discard(wait)
        for job_id in wait.pending:
            others = self._waits.get(job_id)
            if others:
                others.discard(wait)
                if not others:
                    self._forget(job_id)
        if not self._all and self._timer:
            self._timer.cancel()
            self._timer = None

    def read(self, wait: Wait) -> None:
        """Read the next ends that the wait knows of, unless a read is under way."""
        if wait.reading or not wait.ended:
            return
        portion: list[Ended] = []
        size = 0
        while wait.ended and len(portion) < READ_JOBS:
            size += wait.ended[0].size
            if portion and size > READ_BYTES:
                break
            portion.append(wait.ended.popleft())
        wait.reading = len(portion)
        self._to_read.append((wait, portion))
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())

    def hurry(self, wait: Wait) -> None:
        """Let the wait end as soon as Redis was asked about its jobs."""
        wait.is_hurried = True
        self._ask_about(wait.unasked)

    async def close(self) -> None:
        """End all waits."""
        for wait in list(self._all):
            wait.fail(ClientClosed())
        if self._timer:
            self._timer.cancel()
        for task in (self._asking, self._reading):
            if task:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._subscription.close()

    def _heard(self, channel: str) -> None:
        self._ask_about([self._channel.name_of(channel)])

    def _ask_about(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            if job_id in self._waits:
                self._due[job_id] = None
        if self._due and self._asking is None:
            self._asking = asyncio.create_task(self._ask_all())

    def _ask_page(self) -> None:
        """Ask about the next page of jobs; without a subscription, about all of them."""
        self._timer = asyncio.get_running_loop().call_later(ASK_SECONDS, self._ask_page)
        page = list(islice(self._waits, PAGE if self._subscription.is_up else None))
        for job_id in page:
            # To the back of the queue.
            self._waits[job_id] = self._waits.pop(job_id)
        self._ask_about(page)

    async def _ask_all(self) -> None:
        try:
            while page := list(islice(self._due, PAGE)):
                for job_id in page:
                    del self._due[job_id]
                self._asked += 1
                asked = self._asked
                try:
                    ended = await self._records.ended(page)
                except LedgerUnavailable as error:
                    self._due |= dict.fromkeys(each for each in page if each in self._waits)
                    self._bear(error)
                    await asyncio.sleep(ASK_SECONDS)
                    continue
                self._away_since = None
                self._tell(page, ended, asked)
        finally:
            self._asking = None

    def _tell(self, page: list[str], ended: list[Ended], asked: int) -> None:
        for each in ended:
            for wait in self._waits.get(each.job_id, ()):
                wait.has_ended(each)
            self._forget(each.job_id)
        for job_id in page:
            for wait in self._waits.get(job_id, ()):
                # A wait that began before this answer arrived may have missed an end.
                if wait.asked_before < asked:
                    wait.was_asked(job_id)

    def _forget(self, job_id: str) -> None:
        self._waits.pop(job_id, None)
        self._due.pop(job_id, None)
        self._subscription.leave(self._channel(job_id))

    async def _read_all(self) -> None:
        try:
            while self._to_read:
                portions = self._next_portions()
                if not portions:
                    return
                ids = dict.fromkeys(job.job_id for _, portion in portions for job in portion)
                try:
                    read = await self._records.results(list(ids))
                except LedgerUnavailable as error:
                    self._to_read.extendleft(reversed(portions))
                    self._bear(error)
                    await asyncio.sleep(ASK_SECONDS)
                    continue
                self._away_since = None
                ends = {each.job_id: each for each in read}
                for wait, portion in portions:
                    wait.reading = 0
                    wait.found.extend(ends[job.job_id] for job in portion)
                    wait.wake()
        finally:
            self._reading = None

    def _next_portions(self) -> list[tuple[Wait, list[Ended]]]:
        """The ends to read at once, for one wait or several."""
        portions: list[tuple[Wait, list[Ended]]] = []
        jobs = size = 0
        while self._to_read and jobs < READ_JOBS:
            wait, portion = self._to_read[0]
            size += sum(job.size for job in portion)
            if portions and size > READ_BYTES:
                break
            self._to_read.popleft()
            if wait in self._all:
                portions.append((wait, portion))
                jobs += len(portion)
        return portions

    def _bear(self, error: LedgerUnavailable) -> None:
        """Redis has not answered: end the waits for which that has lasted too long."""
        now = self._clock()
        if self._away_since is None:
            self._away_since = now
        for wait in list(self._all):
            if now - max(self._away_since, wait.began) > PATIENCE_SECONDS:
                wait.fail(type(error)(str(error)))
