"""What the calls for one large job have brought, in this attempt and in earlier ones."""

import asyncio
from collections.abc import Sequence
from typing import Final

from rerankq.contract import RerankRequest
from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.events import Events, LedgerCallFailed, LedgerOperation
from rerankq.ledger.checkpoints import Checkpoints
from rerankq.ledger.leases import Lease
from rerankq_worker.jobs.certain_leases import LeaseLostError
from rerankq_worker.jobs.part_scores import KeptPart, known, packed, unpacked
from rerankq_worker.jobs.usage import AttemptUsage
from rerankq_worker.upstream.port import Answer, Score

KEEP_RETRY_SECONDS: Final = 0.5


class JobCheckpoint:
    """The checkpoint of a job that this worker holds.

    Args:
        checkpoints: the ledger's.
        lease: the job.
        most_calls: how many calls at once are made for the job.
        events: told when the ledger does not answer.
    """

    def __init__(
        self, checkpoints: Checkpoints, lease: Lease, *, most_calls: int, events: Events
    ) -> None:
        self._checkpoints = checkpoints
        self._lease = lease
        self._most_calls = most_calls
        self._events = events
        self._parts: Sequence[KeptPart] = ()

    async def load(self) -> None:
        """Read what earlier attempts have kept.

        If Redis does not answer, nothing is known: the calls cannot begin before it answers.
        """
        while True:
            try:
                kept = await self._checkpoints.begin(self._lease, self._most_calls)
            except LedgerRefusal as error:
                self._tell(error)
                return
            except LedgerUnavailable as error:
                self._tell(error)
                await asyncio.sleep(KEEP_RETRY_SECONDS)
            else:
                self._parts = [part for each in kept if (part := unpacked(each))]
                return

    def known(self, source: str, request: RerankRequest) -> dict[int, Score]:
        """The scores from a source that are known of a request's documents, by index."""
        return known(self._parts, source, request)

    def answers(self, source: str) -> list[Answer]:
        """What is known of the calls that brought them, without scores."""
        return [part.answer for part in self._parts if part.source == source]

    async def keep(
        self, source: str, request: RerankRequest, answer: Answer, usage: AttemptUsage
    ) -> None:
        """Keep what a call has brought, and count what it has used, in one step.

        The call was paid for, so this waits until Redis is back.

        Args:
            source: from where the scores come.
            request: what the call asked for.
            answer: what it brought.
            usage: what the attempt has used so far; what is counted here is taken out of it.

        Raises:
            LeaseLostError: another worker has the job, or it has ended.
        """
        name, scores = packed(source, request, answer)
        used = usage.take()
        while True:
            try:
                if await self._checkpoints.keep(self._lease, name, scores, used):
                    return
            except LedgerRefusal as error:
                # Redis will never take it. The scores are in this worker's memory still.
                usage.put_back(used)
                self._tell(error)
                return
            except LedgerUnavailable as error:
                self._tell(error)
                await asyncio.sleep(KEEP_RETRY_SECONDS)
            else:
                raise LeaseLostError

    def _tell(self, error: LedgerUnavailable) -> None:
        keep = LedgerOperation.CHECKPOINT
        self._events.tell(LedgerCallFailed(operation=keep, jobs=1, message=str(error)))
