"""Which workers know of webhooks and callbacks.

A worker of an older version ignores the field: the ends that it writes are told to nobody, and no
error shows it. So workers that know of it say so, and others look whether all do.
"""

import logging
import time
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.ledger.presence import MOST_WORKERS, SILENT_SECONDS
from rerankq.store.store import Store

log = logging.getLogger(__name__)

KNOWN_SECONDS: Final = 3600.0
"""For so long it is believed: it may hang meanwhile, but becomes no older version."""
WARN_SECONDS: Final = 60.0


class CallbackWorkers:
    """The workers of one ledger that know of them, and those that do not.

    Args:
        store: the ledger.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys
        self._next_warning = 0.0

    async def note(self, worker: str) -> None:
        """Say that this worker knows of them.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        now = await self._now()
        key = self._keys.callback_workers
        await self._store.commands(
            ("ZADD", key, int(now * 1000), worker),
            ("ZREMRANGEBYSCORE", key, "-inf", int((now - KNOWN_SECONDS) * 1000)),
        )

    async def outdated(self) -> tuple[str, ...]:
        """The names of those that serve and do not know of them.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        silent = int((await self._now() - SILENT_SECONDS) * 1000)
        heard, known = await self._store.readings(
            ("ZRANGEBYSCORE", self._keys.last_heard, silent, "+inf", "LIMIT", 0, MOST_WORKERS),
            ("ZRANGE", self._keys.callback_workers, 0, -1),
        )
        knowing = frozenset(known)
        return tuple(each.decode(errors="replace") for each in heard if each not in knowing)

    async def warn(self) -> None:
        """Log a warning if there are any, at most once a minute. Never raises."""
        now = time.monotonic()
        if now < self._next_warning:
            return
        self._next_warning = now + WARN_SECONDS
        try:
            outdated = await self.outdated()
        except LedgerUnavailable:
            return
        if outdated:
            log.warning(
                "callbacks: %s serves this ledger and is of an older version, which tells nobody "
                "of the jobs and batches that it ends: upgrade all workers first",
                outdated[0]
                if len(outdated) == 1
                else f"{len(outdated)} workers, as {outdated[0]},",
            )

    async def _now(self) -> float:
        seconds, micros = await self._store.command("TIME")
        return int(seconds) + int(micros) / 1_000_000
