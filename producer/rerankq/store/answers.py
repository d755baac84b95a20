"""What is asked of Redis and not answered yet, and what it refused last.

A connection can die without a word: its peer is gone, and no end of it ever arrives. A call that
waits there would wait for its whole time limit, while Redis answers on any other connection.
Whoever knows that it does (see the worker's watchdog) ends such calls, and they are made anew.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis import exceptions

from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.store.refusals import is_from_replica


class Answers:
    """The calls of one store that wait for an answer. Belongs to one event loop.

    Attributes:
        trouble: why the last call was not carried out, as a sentence; None when it was. What a
            damaged key refuses to some call is no trouble of Redis.
        outdated: whether the connections lead to a Redis that is the primary no longer, or to
            nobody: they have to be made anew before the next call.
    """

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.outdated = False
        self._waiting: dict[asyncio.Timeout, float] = {}

    @asynccontextmanager
    async def awaited(self) -> AsyncIterator[None]:
        """Wait for the answer to a call inside the block.

        Raises:
            redis.exceptions.TimeoutError: `give_up` has ended the wait.
        """
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._waiting[limit] = asyncio.get_running_loop().time()
                try:
                    yield
                finally:
                    del self._waiting[limit]
        except TimeoutError:
            if not limit.expired():
                raise
            raise exceptions.TimeoutError("no answer on this connection") from None

    def refused(self, error: Exception, problem: LedgerUnavailable) -> None:
        """Note how a call ended that was not carried out."""
        if is_from_replica(error):
            # It was the primary when these connections were made; the address may name another.
            self.outdated = True
        if not isinstance(problem, LedgerRefusal):
            self.trouble = str(problem)

    def give_up(self, seconds: float, *, since: float) -> int:
        """End the waits for calls whose connections seem dead; returns how many those were.

        What was asked may have been done all the same: each such call counts as uncertain.

        Args:
            seconds: how long a call may wait.
            since: from when on the time counts, by the loop's clock: since then Redis has answered
                whatever came by other connections.
        """
        now = asyncio.get_running_loop().time()
        silent = [
            limit for limit, began in self._waiting.items() if now - max(began, since) > seconds
        ]
        for limit in silent:
            limit.reschedule(now)
        if silent:
            # Those that are idle may be as dead: each would be found out by a call of its own.
            self.outdated = True
        return len(silent)
