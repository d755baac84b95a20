"""Which process of all shows the ledger: one at a time, as the others would show it again."""

from typing import Final

from rerankq.store.store import Store

HELD_SECONDS: Final = 15.0
"""A holder that is silent for so long loses its turn."""


class Turn:
    """The turn to show the ledger. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: the ledger's Redis.
        name: this process' own, which no other has.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._key = store.keys.metrics_turn

    async def take(self) -> bool:
        """Take or keep the turn; whether it is this process' now."""
        held_ms = int(HELD_SECONDS * 1000)
        if await self._store.command("SET", self._key, self._name, "NX", "PX", held_ms):
            return True
        if not await self._is_own():
            return False
        # If the turn has just gone to another, that one keeps it longer, which does no harm.
        await self._store.command("PEXPIRE", self._key, held_ms)
        return True

    async def leave(self) -> None:
        """Let another process have the turn."""
        if await self._is_own():
            await self._store.command("DEL", self._key)

    async def _is_own(self) -> bool:
        return bool(await self._store.command("GET", self._key) == self._name.encode())
