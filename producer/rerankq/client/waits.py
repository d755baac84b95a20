"""One call that waits for jobs to end, and what is known of them."""

import asyncio
from collections import deque
from collections.abc import Iterable

from rerankq.errors import RerankqError
from rerankq.ledger.ends import Ended, RawEnd


class Wait:
    """The jobs that one call waits for. Belongs to one event loop.

    Attributes:
        pending: jobs that are not known to have ended.
        unasked: those of them that Redis was not asked about since the call began.
        ended: jobs that have ended, and whose ends have yet to be read.
        found: ends that the call may take, as they are stored: whoever takes one decodes it.
        reading: how many ends are being read for it.
        problem: why there will be no more.
        is_hurried: whether it ends as soon as Redis was asked about all of them.
        began: when it began, by the loop's clock.
        asked_before: how many questions the loop had sent when it began.
    """

    __slots__ = (
        "_awake",
        "asked_before",
        "began",
        "ended",
        "found",
        "is_hurried",
        "pending",
        "problem",
        "reading",
        "unasked",
    )

    def __init__(self, job_ids: Iterable[str], *, began: float, asked_before: int) -> None:
        self.pending = dict.fromkeys(job_ids)
        self.unasked = set(self.pending)
        self.ended: deque[Ended] = deque()
        self.found: deque[RawEnd] = deque()
        self.reading = 0
        self.problem: RerankqError | None = None
        self.is_hurried = False
        self.began = began
        self.asked_before = asked_before
        self._awake: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the call has all that it waited for."""
        return not (self.pending or self.ended or self.found or self.reading)

    @property
    def is_settled(self) -> bool:
        """Whether it has all ends that there were when Redis was asked."""
        return not (self.unasked or self.ended or self.found or self.reading)

    def has_ended(self, job: Ended) -> None:
        """Note that a job has ended."""
        self.pending.pop(job.job_id, None)
        self.unasked.discard(job.job_id)
        if job.end is None:
            self.ended.append(job)
        else:
            self.found.append(job.end)
        self.wake()

    def was_asked(self, job_id: str) -> None:
        """Note that a job has not ended so far."""
        self.unasked.discard(job_id)
        if self.is_hurried and not self.unasked:
            self.wake()

    def fail(self, problem: RerankqError) -> None:
        """Note why there will be no more ends."""
        self.problem = problem
        self.wake()

    def wake(self) -> None:
        """Wake the call, to look again."""
        if self._awake and not self._awake.done():
            self._awake.set_result(None)

    async def news(self, until: float | None) -> bool:
        """Wait until there is something to look at; False when there was nothing by then."""
        self._awake = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout_at(until):
                await self._awake
        except TimeoutError:
            return False
        finally:
            self._awake = None
        return True
