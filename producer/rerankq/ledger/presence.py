"""Whether workers use this ledger."""

from typing import Final

from rerankq.contract import Lane
from rerankq.store.store import Store

SILENT_SECONDS: Final = 10.0
"""A worker that was not heard of for so long serves nobody: it says so twice a second."""
MOST_WORKERS: Final = 1000


class Presence:
    """What the ledger knows of workers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def has_had_workers(self) -> bool:
        """Whether a worker ever used this Redis: each one sweeps within a second of its start.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        return bool(await self._store.command("EXISTS", self._store.keys.sweeper))

    async def served_lanes(self) -> set[Lane]:
        """The lanes of which a worker was heard of within `SILENT_SECONDS`.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        seconds, _ = await self._store.command("TIME")
        silent = int((int(seconds) - SILENT_SECONDS) * 1000)
        newest = ("+inf", f"({silent}", "LIMIT", 0, MOST_WORKERS)
        heard = await self._store.command("ZREVRANGEBYSCORE", self._store.keys.last_heard, *newest)
        # The name of a worker begins with its lane, as its node name does. One with another name,
        # such as a stand-in of tests, may serve any.
        served = {name.partition(b".")[0].decode(errors="replace") for name in heard}
        if served - set(Lane):
            return set(Lane)
        return {lane for lane in Lane if lane.value in served}
