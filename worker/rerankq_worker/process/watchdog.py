"""Finds parts of a worker that hang, and repairs them.

There are three cases. A dead connection (no FIN, no answer) keeps the ledger's calls, or Celery,
waiting: the watchdog cuts it, and the waiting part makes a new one. If Celery does not recover by
that, the process is replaced after its calls have ended. If something blocks the event loop, a
separate thread replaces the process.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from rerankq.broker.backlog import Backlog
from rerankq.broker.connections import cut_connections
from rerankq.errors import LedgerUnavailable
from rerankq.store.answers import Answers
from rerankq_worker.process.heartbeats import Heartbeats
from rerankq_worker.process.restart import Restart

log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 1.0
CHECK_SECONDS: Final = 2.0
DEAD_SECONDS: Final = 5.0
"""A call that waits this long while Redis answers others has a dead connection, or gets a very long
answer. So the time is doubled whenever calls were given up."""
MOST_DEAD_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 20.0
"""If messages wait and this worker has capacity, but none has come for this long, it hangs."""
HUB_SECONDS: Final = 10.0
"""If Celery's hub has not run for this long, it waits for an answer or to connect again."""
MOST_CUTS: Final = 5
"""After this many cuts without success the process is replaced. They take longer than Celery's
longest pause between two attempts to connect."""
FORGET_SECONDS: Final = 60.0
"""Earlier cuts and given-up calls no longer count after this time."""
LOOP_SECONDS: Final = 60.0


class Watchdog:
    """Watches over one worker. Belongs to its event loop.

    Args:
        heartbeats: when each part last ran.
        backlog: the messages that wait for this worker; its connections have short time limits.
        ledger: the ledger's calls, which have no short time limit.
        takes_more: whether this worker would take another message now.
        restart: replaces the process.
    """

    def __init__(
        self,
        heartbeats: Heartbeats,
        backlog: Backlog,
        ledger: Answers,
        *,
        takes_more: Callable[[], bool],
        restart: Restart,
    ) -> None:
        self._heartbeats = heartbeats
        self._backlog = backlog
        self._ledger = ledger
        self._takes_more = takes_more
        self._restart = restart
        # Since when messages have waited while this worker would take them.
        self._free_since: float | None = None
        self._answering_since: float | None = None
        self._dead_seconds = DEAD_SECONDS
        self._gave_up_at = self._cut_at = 0.0
        self._cuts = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        threading.Thread(
            target=_watch_loop,
            args=(self._heartbeats, self._restart),
            name="rerankq-watchdog",
            daemon=True,
        ).start()
        beating = asyncio.create_task(_beat(self._heartbeats))
        try:
            while True:
                await asyncio.sleep(CHECK_SECONDS)
                await self.check()
        finally:
            beating.cancel()

    async def check(self) -> None:
        """Look for parts that hang, but only while Redis is well: else they wait for Redis."""
        try:
            waiting = await self._backlog.hints()
        except LedgerUnavailable as error:
            self._heartbeats.ledger_trouble = str(error)
            self._free_since = self._answering_since = None
            return
        now = self._heartbeats.ledger_beat = time.monotonic()
        self._heartbeats.ledger_trouble = self._ledger.trouble
        self._answering_since = self._answering_since or now
        self._give_up_dead_calls(now, self._answering_since)
        if self._ledger.trouble:
            self._free_since = self._answering_since = None
            return
        self._free_since = (self._free_since or now) if waiting and self._takes_more() else None
        # A worker that drains takes no messages: that is no fault.
        why = None if self._heartbeats.draining else self._why_hanging(now, waiting)
        if why:
            await self._mend_consumer(now, why)

    def _give_up_dead_calls(self, now: float, answering_since: float) -> None:
        if now - self._gave_up_at > FORGET_SECONDS:
            self._dead_seconds = DEAD_SECONDS
        given_up = self._ledger.give_up(self._dead_seconds, since=answering_since)
        if given_up:
            self._gave_up_at = now
            self._dead_seconds = min(2 * self._dead_seconds, MOST_DEAD_SECONDS)
            log.warning("%d calls to Redis got no answer: they are made again", given_up)

    def _why_hanging(self, now: float, waiting: int) -> str | None:
        """Why Celery seems to hang, since the last repair; None if it does not."""
        since = max(self._answering_since or now, self._cut_at)
        if now - max(since, self._heartbeats.hub_beat) > HUB_SECONDS:
            return f"Celery has not run for {HUB_SECONDS:g} s"
        free_since = max(self._free_since or now, self._cut_at)
        if now - max(free_since, self._heartbeats.delivery) > IDLE_SECONDS:
            return f"{waiting} messages wait, and none has come for {IDLE_SECONDS:g} s"
        return None

    async def _mend_consumer(self, now: float, why: str) -> None:
        if now - self._cut_at > FORGET_SECONDS:
            self._cuts = 0
        if self._cuts >= MOST_CUTS:
            await self._restart.in_order(why)
            return
        self._cuts, self._cut_at = self._cuts + 1, now
        log.error("%s: its %d connections to Redis are renewed", why, cut_connections())


async def _beat(heartbeats: Heartbeats) -> None:
    while True:
        heartbeats.loop_beat = time.monotonic()
        await asyncio.sleep(BEAT_SECONDS)


def _watch_loop(heartbeats: Heartbeats, restart: Restart) -> None:
    before = time.monotonic()
    while True:
        time.sleep(CHECK_SECONDS)
        now = time.monotonic()
        # If this thread stood still too, the whole process was suspended: the loop is not at fault.
        stood_still, before = now - before > 2 * CHECK_SECONDS, now
        if stood_still:
            heartbeats.loop_beat = now
        elif now - heartbeats.loop_beat > LOOP_SECONDS:
            restart.at_once(f"the event loop has been blocked for {LOOP_SECONDS:g} s")
