"""Waits for jobs to end: by published messages, and by asking, because messages can be lost.

A message only means that it is worth asking: Redis' channels are shared by all its databases, so a
job with the same id in another database is heard too. Messages are lost while Redis restarts or a
connection breaks, so every id is also asked for now and then. Each id gets its end, or an error
that says why there will be none.
"""

import asyncio
import math
import numbers
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from typing import Final

from rerankq.client.inquiries import Inquiries
from rerankq.client.waits import Wait
from rerankq.errors import InvalidRequest
from rerankq.ledger.ends import End, RawEnd
from rerankq.ledger.records import Records
from rerankq.store.per_loop import PerLoop
from rerankq.store.store import Store

LAST_LOOK_SECONDS: Final = 1.0
"""After a wait's time is over, Redis has this long to say which of its jobs have ended."""
LONGEST_SECONDS: Final = 10 * 365 * 24 * 3600.0
"""A longer timeout counts as none."""


class Arrivals:
    """Ends of jobs, in the order in which they become known."""

    def __init__(self, store: Store, records: Records) -> None:
        self._inquiries = PerLoop(partial(Inquiries, store, records), Inquiries.close)

    async def end(self, job_id: str, *, timeout: float | None = None) -> End:  # noqa: ASYNC109  it is no time limit for Redis
        """The end of one job; as `ends`."""
        return (await self.stored_end(job_id, timeout=timeout)).decoded()

    async def stored_end(
        self,
        job_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  it is no time limit for Redis
    ) -> RawEnd:
        """The end of one job as it is stored; as `ends`."""
        inquiries = self._inquiries.get()
        deadline = deadline_in(timeout)
        wait = inquiries.begin([job_id], listen=not _is_over(deadline))
        try:
            found = await self._next(inquiries, wait, deadline)
        finally:
            inquiries.end(wait)
        if found is None:
            raise AssertionError("a wait is over when it has what it waited for")
        return found

    async def ends(
        self,
        job_ids: Iterable[str],
        *,
        timeout: float | None = None,  # noqa: ASYNC109  it is no time limit for Redis
    ) -> AsyncGenerator[tuple[str, End], None]:
        """Each id once, with its end.

        Args:
            job_ids: the jobs to wait for.
            timeout: seconds after which it waits no more. Jobs that have ended by then are still
                given.

        Raises:
            TimeoutError: the time has passed.
            InvalidRequest: the timeout is not a number.
            ClientClosed: the client was closed.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        inquiries = self._inquiries.get()
        deadline = deadline_in(timeout)
        wait = inquiries.begin(job_ids, listen=not _is_over(deadline))
        try:
            while found := await self._next(inquiries, wait, deadline):
                yield found.job_id, found.decoded()
        finally:
            inquiries.end(wait)

    async def close(self) -> None:
        """End all waits of the running loop."""
        await self._inquiries.close()

    async def _next(
        self, inquiries: Inquiries, wait: Wait, deadline: float | None
    ) -> RawEnd | None:
        """The next end; None when there are no more."""
        clock = asyncio.get_running_loop().time
        while not wait.found:
            if wait.problem:
                raise wait.problem
            if wait.is_over:
                return None
            inquiries.read(wait)
            if not _is_over(deadline):
                await wait.news(deadline)
                continue
            inquiries.hurry(wait)
            if wait.is_settled or not await wait.news(clock() + LAST_LOOK_SECONDS):
                raise TimeoutError
        return wait.found.popleft()


def deadline_in(timeout: object) -> float | None:
    """When a wait is over, by the running loop's clock; None when it has no limit.

    Raises:
        InvalidRequest: the timeout is not a number.
    """
    if timeout is None:
        return None
    seconds = float(timeout) if isinstance(timeout, numbers.Real) else math.nan
    if math.isnan(seconds):
        raise InvalidRequest("timeout", "must be a number of seconds, or None")
    if seconds > LONGEST_SECONDS:
        return None
    return asyncio.get_running_loop().time() + max(0.0, seconds)


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and asyncio.get_running_loop().time() >= deadline
