"""How many messages wait in a lane."""

from rerankq.contract import Lane
from rerankq.store.store import Store


class Backlog:
    """What waits for a worker. Every call raises LedgerUnavailable when Redis cannot be used."""

    def __init__(self, store: Store, lane: Lane) -> None:
        self._store = store
        self._lane = lane

    async def hints(self) -> int:
        """Messages in the lane's Celery queues."""
        lengths = await self._store.commands(
            *(
                ("LLEN", self._store.keys.queue(each))
                for each in (self._lane.queue, self._lane.redelivery_queue)
            )
        )
        return sum(lengths)
