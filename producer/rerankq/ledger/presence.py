"""Whether workers use this ledger."""

from rerankq.store.store import Store


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
