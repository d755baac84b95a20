"""Ends the delays of jobs after a failure, when an operator knows that its cause is gone."""

from typing import Final

from rerankq.contract import Lane
from rerankq.ledger.scripts import HASTEN
from rerankq.store.store import Store

PORTION: Final = 1000
"""Jobs that are looked at in one call. Redis serves no other client during it."""


class Delays:
    """The delays of all jobs that wait to be tried again."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def end(self) -> int:
        """Let every job that waits after a failure be tried now; returns how many these are.

        It is not recorded which account a job waits for. A job that waits for an account which is
        still out of use is postponed again without a call. A job's own `not_before` holds.

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
