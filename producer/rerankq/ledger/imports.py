"""Batches that are filled from an uploaded file, by whichever gateway has it and is free."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from rerankq.ledger.scripts import PACKAGE
from rerankq.store.script import FLAG, Script
from rerankq.store.store import Store

LEASE_MS: Final = 30_000
_OPENING_MS: Final = 10_000
"""So long whoever opens the batch has before the work may be taken."""


class _Take(NamedTuple):
    batch: str
    token: str
    lease_ms: int


class _Keep(NamedTuple):
    batch: str
    token: str
    lease_ms: int
    details: str


_KEYS: Final = ("batch", "imports")
TAKE: Final = Script(PACKAGE, "import_take", _Take, keys=_KEYS, reply=FLAG)
KEEP: Final = Script(PACKAGE, "import_keep", _Keep, keys=_KEYS, reply=FLAG)


class Imports:
    """Which batches still have to be filled, and who does it.

    Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where it is.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = store.keys.imports

    async def announce(self, batch_id: str) -> None:
        """Say that a batch is about to be opened: if its opener dies, the work is found."""
        await self._due_in(batch_id, _OPENING_MS)

    async def begin(self, batch_id: str) -> None:
        """Let somebody take the work for a batch that is open."""
        await self._due_in(batch_id, 0)

    async def due(self, most: int) -> list[str]:
        """The batches whose work nobody has, the one that waits longest first."""
        found = await self._store.command(
            "ZRANGEBYSCORE", self._key, "-inf", await self._now_ms(), "LIMIT", 0, most
        )
        return [each.decode() for each in found]

    async def take(self, batch_id: str, token: str) -> bool:
        """Take the work for half a minute; False when somebody else has it.

        Args:
            batch_id: the batch.
            token: names this try of the caller.
        """
        return await self._store.run(TAKE(batch_id, token, LEASE_MS))

    async def keep(
        self, batch_id: str, token: str, *, details: Mapping[str, Any] | None = None
    ) -> bool:
        """Have it for half a minute more; False when somebody else has taken it.

        Args:
            batch_id: the batch.
            token: as in `take`.
            details: new details of the batch, in place of the old ones.
        """
        return await self._store.run(KEEP(batch_id, token, LEASE_MS, _json(details)))

    async def give_back(self, batch_id: str, token: str) -> None:
        """Let somebody else go on, after the others that wait."""
        await self._store.run(KEEP(batch_id, token, 0, ""))

    async def end(
        self, batch_id: str, token: str, *, details: Mapping[str, Any] | None = None
    ) -> None:
        """The work is done."""
        await self._store.run(KEEP(batch_id, token, -1, _json(details)))

    async def now(self) -> float:
        """Redis' time, in Unix seconds."""
        return await self._now_ms() / 1000

    async def _due_in(self, batch_id: str, ms: int) -> None:
        await self._store.command("ZADD", self._key, await self._now_ms() + ms, batch_id)

    async def _now_ms(self) -> int:
        seconds, micros = await self._store.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000


def _json(details: Mapping[str, Any] | None) -> str:
    return "" if details is None else orjson.dumps(details).decode()
