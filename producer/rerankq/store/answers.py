"""The calls to Redis that have no answer yet, and the last failure.

A connection can break silently: the other end is gone, and no message says so. A call that waits
there would wait for its whole time limit, while Redis answers on other connections. The worker's
watchdog notices that and ends such calls, and they are repeated on new connections.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from redis import exceptions

from rerankq.errors import LedgerRefusal, LedgerUnavailable
from rerankq.store.refusals import NotConfirmedError, is_from_replica

UNCONFIRMED_SECONDS: Final = 10.0
"""How long a promise that Redis could not keep counts as trouble, if no later one is kept."""


class Answers:
    """The calls of one store that wait for an answer. Belongs to one event loop.

    Args:
        recovered: called with the length of the trouble in seconds, when a call is carried out
            again.

    Attributes:
        trouble: why the last call was not carried out, as a sentence; None when it was. A call
            that fails because of a damaged key does not count as trouble.
        outdated: whether the connections are broken, or lead to a Redis that is no longer the
            primary: they have to be made again before the next call.
    """

    def __init__(self, recovered: Callable[[float], None] | None = None) -> None:
        self.trouble: str | None = None
        self.outdated = False
        self._recovered = recovered
        self._troubled_at = self._unconfirmed_until = 0.0
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
        """Note why a call was not carried out."""
        if is_from_replica(error):
            # It was the primary when these connections were made; the address may name another now.
            self.outdated = True
        if isinstance(problem, LedgerRefusal):
            return
        if self.trouble is None:
            self._troubled_at = asyncio.get_running_loop().time()
        self.trouble = str(problem)
        if isinstance(error, NotConfirmedError):
            # Other calls are carried out meanwhile. They do not show that the next promise is kept.
            self._unconfirmed_until = asyncio.get_running_loop().time() + UNCONFIRMED_SECONDS

    def carried_out(self, *, is_promise: bool = False) -> None:
        """Note that a call was carried out. Runs after every call: keep it cheap."""
        if self.trouble is None:
            return
        now = asyncio.get_running_loop().time()
        if now < self._unconfirmed_until and not is_promise:
            return
        self.trouble, self._unconfirmed_until = None, 0.0
        if self._recovered:
            self._recovered(now - self._troubled_at)

    def give_up(self, seconds: float, *, since: float) -> int:
        """End the waits for calls whose connections seem broken; returns how many those were.

        Redis may have carried them out: each such call counts as uncertain.

        Args:
            seconds: how long a call may wait.
            since: from when on the time counts, by the loop's clock: since then Redis has answered
                on all other connections.
        """
        now = asyncio.get_running_loop().time()
        silent = [
            limit for limit, began in self._waiting.items() if now - max(began, since) > seconds
        ]
        for limit in silent:
            limit.reschedule(now)
        if silent:
            # Idle connections may be broken too: each would make one more call wait.
            self.outdated = True
        return len(silent)
