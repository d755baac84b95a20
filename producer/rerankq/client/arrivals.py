"""Waiting for jobs to end: by message where one arrives, by asking where it does not.

What is published says that it is worth asking, and no more: Redis' channels belong to no database,
so a job of the same id in another database of the same Redis is heard as well. Messages are lost
while Redis restarts or a connection breaks, so every id is also asked for now and then. A wait ends
for each id: with its end, or with an error that says why there will be none.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Container, Iterable
from contextlib import aclosing
from typing import Final

from rerankq.errors import LedgerUnavailable
from rerankq.ledger import outcomes
from rerankq.ledger.records import End, Records
from rerankq.ledger.store import Store
from rerankq.ledger.subscription import Subscription

ASK_SECONDS: Final = 1.0
PAGE: Final = 500
PATIENCE_SECONDS: Final = 60.0
"""How long Redis may be away before a wait gives up."""


class Arrivals:
    """Ends of jobs, in the order in which they become known."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store = store
        self._records = records

    async def ends(
        self, job_ids: Iterable[str], *, deadline: float | None = None
    ) -> AsyncGenerator[tuple[str, End], None]:
        """Each id once, with its end.

        Args:
            job_ids: the jobs to wait for.
            deadline: when to stop, by the loop's clock. Checked here beside any `asyncio.timeout`
                around: before Python 3.12, `asyncio.wait_for`, with which redis-py waits, can
                swallow a cancellation.

        Raises:
            TimeoutError: the deadline has passed.
            LedgerUnavailable: Redis has been away for `PATIENCE_SECONDS` without a break.
        """
        pending = dict.fromkeys(job_ids)
        patience = _Patience()
        while pending:
            if _passed(deadline):
                raise TimeoutError
            try:
                async with (
                    self._store.subscription() as subscription,
                    # Closed by hand: left to the garbage collector, it would outlive the client.
                    aclosing(self._follow(subscription, pending, deadline, patience)) as found,
                ):
                    async for job_id, end in found:
                        patience.restore()
                        if job_id in pending:
                            del pending[job_id]
                            yield job_id, end
            except LedgerUnavailable:
                if patience.over():
                    raise
                await asyncio.sleep(ASK_SECONDS)

    async def _follow(
        self,
        subscription: Subscription,
        pending: dict[str, None],
        deadline: float | None,
        patience: "_Patience",
    ) -> AsyncGenerator[tuple[str, End], None]:
        line = deque(pending)
        for _ in range(0, len(line), PAGE):
            page = _next_page(line, pending)
            # Subscribe first, ask second: an end between the two arrives as a message.
            await subscription.listen(map(outcomes.result_key, page))
            for each in await self._asked(page, patience):
                yield each
        while pending and not _passed(deadline):
            async with aclosing(self._heard(subscription, pending, patience)) as heard:
                async for each in heard:
                    yield each
            for each in await self._asked(_next_page(line, pending), patience):
                yield each

    async def _heard(
        self, subscription: Subscription, pending: dict[str, None], patience: "_Patience"
    ) -> AsyncGenerator[tuple[str, End], None]:
        """The ends that messages point to, as this client's own ledger tells them, for a while."""
        clock = asyncio.get_running_loop().time
        until = clock() + ASK_SECONDS
        while pending and (left := until - clock()) > 0:
            channels = await subscription.told(left, most=PAGE)
            named = dict.fromkeys(map(outcomes.job_of_channel, channels))
            if page := [job_id for job_id in named if job_id in pending]:
                for each in await self._asked(page, patience):
                    yield each

    async def _asked(self, page: list[str], patience: "_Patience") -> list[tuple[str, End]]:
        found = await self._records.ends(page)
        patience.restore()
        return found


class _Patience:
    """How long Redis has been away without a break, whatever else took its time."""

    def __init__(self) -> None:
        self._since: float | None = None

    def restore(self) -> None:
        """Redis has answered."""
        self._since = None

    def over(self) -> bool:
        """Redis has not answered; whether that is so for `PATIENCE_SECONDS`."""
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
        return now - self._since > PATIENCE_SECONDS


def _passed(deadline: float | None) -> bool:
    return deadline is not None and asyncio.get_running_loop().time() >= deadline


def _next_page(line: deque[str], pending: Container[str]) -> list[str]:
    """The next ids of the line that are pending still; they go to its back."""
    page: list[str] = []
    for _ in range(min(len(line), PAGE)):
        job_id = line.popleft()
        if job_id in pending:
            page.append(job_id)
    line.extend(page)
    return page
