"""How long jobs wait after a failure: cut short when an operator knows that what failed is well."""

from typing import Final

from rerankq.contract import Lane
from rerankq.ledger.scripts import HASTEN
from rerankq.store.store import Store

PORTION: Final = 1000
"""Jobs that are looked at in one call: Redis serves nobody else meanwhile."""


class Delays:
    """The delays of all jobs that wait to be tried again."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def end(self) -> int:
        """Let every job that was put off after a failure be tried now; returns how many those are.

        Which account each waits for is not recorded. One that waits for another, which is still
        closed, is put off again without a call. A job's own `not_before` holds.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        ended = 0
        for lane in Lane:
            passed = 0
            while True:
                left, hastened = await self._store.run(
                    HASTEN(lane=lane.value, first=passed, most=PORTION)
                )
                passed += left
                ended += hastened
                if left + hastened < PORTION:
                    break
        return ended
