"""The clients' part that waits for jobs to end."""

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import aclosing

from rerankq.client.arrivals import Arrivals
from rerankq.client.calls import not_yet
from rerankq.client.drafts import checked_id
from rerankq.client.handles import AsyncJobHandle
from rerankq.client.patience import patiently
from rerankq.ledger.ends import End
from rerankq.ledger.ownership import Ownership, unknown_job


class AsyncEnds:
    """What `AsyncRerankClient` does to wait for jobs."""

    _arrivals: Arrivals
    _ownership: Ownership

    async def end(self, job_id: str, timeout: float | None = None) -> End:  # noqa: ASYNC109  as in `result`
        """Wait for a job's end: a ranking, or the error that says why there is none.

        Raises:
            ResultTimeout, InvalidRequest, ClientClosed, LedgerUnavailable: as `result` says.
        """
        if await self._strangers([checked_id(job_id)]):
            return unknown_job(job_id)
        return await self._end(job_id, timeout)

    async def _end(self, job_id: str, timeout: float | None) -> End:  # noqa: ASYNC109  as in `result`
        try:
            return await self._arrivals.end(job_id, timeout=timeout)
        except TimeoutError:
            raise not_yet([job_id], timeout) from None

    async def as_completed(
        self,
        handles: Iterable[AsyncJobHandle],
        timeout: float | None = None,  # noqa: ASYNC109  as in asyncio.as_completed
    ) -> AsyncGenerator[AsyncJobHandle, None]:
        """Each handle once its job has ended; its `result()` then returns at once.

        A job that is named twice is given once. Those that have ended within `timeout` seconds are
        given, however long the caller takes with each; with 0, those that have ended by now.

        Raises:
            ResultTimeout: not all have ended within `timeout` seconds.
            InvalidRequest: `timeout` is not a number.
            ClientClosed: the client was closed, before or during the call.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        waiting = {handle.id: handle for handle in handles}
        async with aclosing(self.ends(list(waiting), timeout)) as ends:
            async for job_id, end in ends:
                handle = waiting.pop(job_id)
                handle.settle(end)
                yield handle

    async def ends(
        self,
        job_ids: Sequence[str],
        timeout: float | None = None,  # noqa: ASYNC109  as in `as_completed`
    ) -> AsyncGenerator[tuple[str, End], None]:
        """As `as_completed`, for jobs by their ids: each id, with how its job ended.

        Results are read as the caller takes them, a mebibyte ahead: a slow caller holds only a few.

        Raises:
            ResultTimeout, InvalidRequest, ClientClosed, LedgerUnavailable: as `as_completed` says.
        """
        left = dict.fromkeys(job_ids)
        for job_id in await self._strangers(left):
            del left[job_id]
            yield job_id, unknown_job(job_id)
        async with aclosing(self._arrivals.ends(left, timeout=timeout)) as arrivals:
            while True:
                try:
                    found = await anext(arrivals, None)
                except TimeoutError:
                    raise not_yet(list(left), timeout) from None
                if found is None:
                    return
                del left[found[0]]
                yield found

    async def _strangers(self, job_ids: Collection[str]) -> set[str]:
        """Those of the jobs that are another's, or do not exist."""
        if self._ownership.tenant is None:
            return set()
        return await patiently(lambda: self._ownership.strangers(job_ids))
