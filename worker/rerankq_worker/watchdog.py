"""Starts a worker anew that is alive but works no more.

Two ways to get there are known: a connection that swallows everything without ever ending
(no FIN, no answer), and an event loop that something blocks. The process is replaced in its
place, so it keeps its id and whoever watches over it; leases bring its jobs back.
"""

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.ledger.backlog import Backlog
from rerankq_worker.ending import CUT_SHORT
from rerankq_worker.vitals import Vitals

log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 1.0
CHECK_SECONDS: Final = 2.0
IDLE_SECONDS: Final = 20.0
"""Messages wait, there is room, and none has come for this long: the consumer is deaf."""
HUB_SECONDS: Final = 35.0
"""Longer than Celery's longest pause between two tries at its broker."""
LOOP_SECONDS: Final = 60.0


async def watch(vitals: Vitals, backlog: Backlog, *, takes_more: Callable[[], bool]) -> None:
    """Watch until cancelled.

    Judges only while the ledger answers: an outage is no deafness. A worker that drains takes
    nothing, and is not deaf for that; its loop is watched to the end, so it has to go on beating.

    Args:
        vitals: the signs of life.
        backlog: what waits for this worker.
        takes_more: whether a message that came now would be taken.
    """
    threading.Thread(
        target=_watch_loop, args=(vitals,), name="rerankq-watchdog", daemon=True
    ).start()
    beating = asyncio.create_task(_beat(vitals))
    # Since when all that a working consumer needs has been there without a break.
    free_since: float | None = None
    answering_since: float | None = None
    try:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                waiting = await backlog.hints()
            except LedgerUnavailable:
                free_since = answering_since = None
                continue
            now = vitals.ledger_beat = time.monotonic()
            answering_since = answering_since or now
            free_since = (free_since or now) if waiting and takes_more() else None
            if vitals.draining:
                continue
            if free_since and now - max(free_since, vitals.delivery) > IDLE_SECONDS:
                restart(
                    vitals, f"{waiting} messages wait, and none has come for {IDLE_SECONDS:g} s"
                )
            if now - max(answering_since, vitals.hub_beat) > HUB_SECONDS:
                restart(vitals, f"Celery has stood still for {HUB_SECONDS:g} s")
    finally:
        beating.cancel()


def restart(vitals: Vitals, reason: str) -> None:
    """Replace this process by a new one of the same command line and id.

    A process that was asked to end is not replaced: it ends, and its leases run out, which is no
    orderly end.
    """
    if vitals.stop_asked:
        log.critical("ending at once: %s", reason)
        logging.shutdown()
        os._exit(CUT_SHORT)
    log.critical("starting anew in this place: %s", reason)
    logging.shutdown()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  this program itself


async def _beat(vitals: Vitals) -> None:
    while True:
        vitals.loop_beat = time.monotonic()
        await asyncio.sleep(BEAT_SECONDS)


def _watch_loop(vitals: Vitals) -> None:
    before = time.monotonic()
    while True:
        time.sleep(CHECK_SECONDS)
        now = time.monotonic()
        # A gap here too means that the whole process stood still: nobody's fault.
        stood_still, before = now - before > 2 * CHECK_SECONDS, now
        if stood_still:
            vitals.loop_beat = now
        elif now - vitals.loop_beat > LOOP_SECONDS:
            restart(vitals, f"the event loop has been blocked for {LOOP_SECONDS:g} s")
