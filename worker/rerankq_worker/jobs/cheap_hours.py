"""Lets bulk jobs wait in the ledger for the hours in which their sites cost less.

Interactive jobs never wait, and neither does a job that would have too little time left before its
deadline. The time is that of Redis.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from rerankq.contract import Job, Lane
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.failures import CHEAP_HOURS, Failure
from rerankq_worker.jobs.retry import RetryAfter
from rerankq_worker.upstream.sites import Site

ASK_AGAIN_SECONDS: Final = 5.0
"""Until a job is looked at again whose deadline could not be read."""
NO_SITES: Final[frozenset[str]] = frozenset()


class CostsLessLaterError(Exception):
    """A job has not been tried, because it costs less later.

    Args:
        until: when it is looked at again.
    """

    def __init__(self, until: RetryAfter) -> None:
        super().__init__(until.failure and until.failure.message)
        self.until = until


class CheapHoursWait:
    """Decides which jobs wait.

    Args:
        sites: where jobs may be sent.
        deadline_of: a job's deadline in Unix seconds, by its id; None if it has none. It may raise
            LedgerUnavailable.
        now: Unix seconds, by Redis' clock.
        margin: seconds that must be left from the begin of the cheap hours to a job's deadline.
        give_up: age in seconds after which a job is not tried again.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        *,
        deadline_of: Callable[[str], Awaitable[float | None]],
        now: Callable[[], float],
        margin: float,
        give_up: float,
    ) -> None:
        self._sites = sites
        self._deadline_of = deadline_of
        self._now = now
        self._margin = margin
        self._give_up = give_up

    async def dear_sites(self, job: Job, *, attempts: int, age: float) -> frozenset[str]:
        """The names of sites that are too dear for a job now, if others are not.

        Args:
            job: the job.
            attempts: attempts used so far.
            age: seconds since it could run for the first time.

        Raises:
            CostsLessLaterError: the job waits; it uses no attempt.
        """
        if job.lane is Lane.INTERACTIVE:
            return NO_SITES
        now = self._now()
        begins = {
            site.name: (site.cheap_hours.next_begin(now), site.cheap_hours)
            for site in self._sites
            if site.cheap_hours and site.model(job.request.model) is not None
        }
        dear = {name: (begin, hours) for name, (begin, hours) in begins.items() if begin > now}
        if not dear:
            return NO_SITES
        name, (begin, hours) = min(dear.items(), key=lambda each: each[1][0])
        try:
            deadline = await self._deadline(job)
        except LedgerUnavailable:
            raise CostsLessLaterError(RetryAfter(ASK_AGAIN_SECONDS, attempts)) from None
        latest = now - age + self._give_up
        if begin + self._margin > (latest if deadline is None else min(latest, deadline)):
            return NO_SITES
        serving = [each for each in self._sites if each.model(job.request.model) is not None]
        if len(dear) < len(serving):
            return frozenset(dear)
        message = f"the cheap hours of {name} begin {hours.local_time(begin)}"
        failure = Failure(CHEAP_HOURS, message)
        raise CostsLessLaterError(RetryAfter(begin - now, attempts, failure))

    async def _deadline(self, job: Job) -> float | None:
        # The ledger's, because a job has that of its batch too.
        if job.deadline_seconds is None and job.batch_id is None:
            return None
        return await self._deadline_of(job.id)
