"""Whether workers use this ledger."""

from rerankq.store.store import Store


class Presence:
    """What is known of workers by what they leave behind."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def has_had_workers(self) -> bool:
        """Whether a worker was ever at this Redis: within a second of its start, each has swept.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        return bool(await self._store.command("EXISTS", self._store.keys.sweeper))
