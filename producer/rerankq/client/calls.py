"""A job that is submitted and waited for in one call."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from rerankq.client.admissions import Admissions
from rerankq.client.arrivals import Arrivals
from rerankq.contract import Job
from rerankq.errors import JobEnded, JobNotFound, LedgerUnavailable, ResultTimeout
from rerankq.ledger.records import Records


@dataclass(frozen=True, slots=True)
class Settled:
    """How a job ended.

    Attributes:
        job_id: the job; with an idempotency key it may be an earlier one.
        result: its ranking as it is stored, a `RerankResult` as JSON; None when it has none.
        error: why it has none.
        replayed: whether it is an earlier job, found by its idempotency key.
    """

    job_id: str
    result: bytes | None
    error: JobEnded | None
    replayed: bool = False


class Calls:
    """Jobs that are submitted and waited for.

    Args:
        admissions: records them.
        arrivals: waits for their ends.
        records: cancels those whose callers have left.
    """

    def __init__(self, admissions: Admissions, arrivals: Arrivals, records: Records) -> None:
        self._admissions = admissions
        self._arrivals = arrivals
        self._records = records
        self._withdrawals: set[asyncio.Task[None]] = set()

    async def settled(self, job: Job, timeout: float | None, *, withdraw: bool = False) -> Settled:  # noqa: ASYNC109  as in `result`
        """Submit the job, and wait for its end.

        Args:
            job: what to submit.
            timeout: seconds to wait; None for no limit.
            withdraw: whether to cancel the job if this call is cancelled, or waits in vain. A job
                with an idempotency key is never cancelled: others may wait for it.

        Raises:
            RerankqError: as `AsyncRerankClient.settled` says.
        """
        job_id = job.id
        try:
            job_id = await self._admissions.submit_soon(job)
            end = await self._arrivals.stored_end(job_id, timeout=timeout)
        except (TimeoutError, asyncio.CancelledError) as left:
            if withdraw and job.idempotency_key is None:
                withdrawal = asyncio.create_task(self._withdraw(job_id))
                self._withdrawals.add(withdrawal)
                withdrawal.add_done_callback(self._withdrawals.discard)
            if isinstance(left, TimeoutError):
                raise not_yet([job_id], timeout) from None
            raise
        if end.error is None or isinstance(end.error, JobEnded):
            return Settled(job_id, end.result, end.error, replayed=job_id != job.id)
        raise end.error

    async def close(self) -> None:
        """Wait until the jobs of callers that have left are cancelled."""
        await asyncio.gather(*self._withdrawals)

    async def _withdraw(self, job_id: str) -> None:
        # It may be under way to Redis. If it was not sent yet, it never is.
        await self._admissions.recorded()
        with suppress(JobNotFound, LedgerUnavailable):
            await self._records.cancel(job_id)


def not_yet(job_ids: Sequence[str], timeout: float | None) -> ResultTimeout:
    """The error for jobs that have not ended in that time."""
    some, on = f"{len(job_ids)} jobs have", "they go on"
    if len(job_ids) == 1:
        some, on = f"job {job_ids[0]} has", "it goes on"
    waited = max(timeout or 0.0, 0.0)
    return ResultTimeout(
        f"{some} not ended after {waited:g} second{'' if waited == 1 else 's'}: {on}, "
        "so wait again or ask later",
        job_ids=tuple(job_ids),
    )
