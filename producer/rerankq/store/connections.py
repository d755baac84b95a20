"""Connections to one Redis: calls share them, and are repeated when no answer comes."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any, Final, TypeVar

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff

from rerankq.errors import LedgerUnavailable
from rerankq.store.answers import Answers
from rerankq.store.confirmation import Confirmation
from rerankq.store.refusals import is_unanswered, refusal

T = TypeVar("T")

ONCE: Final = Retry(NoBackoff(), 0)
"""The library must not repeat tries: they are repeated here, where it is known how each ended."""
RETRIES: Final = 3
CLOSE_SECONDS: Final = 5.0
"""How long calls under way may still take when the connections are closed."""
_BACKOFF: Final = ExponentialWithJitterBackoff(base=0.05, cap=1.0)


class Connections:
    """The connections of one event loop.

    When all are in use, a call waits for one, first come, first served. It waits for as long as
    Redis answers other calls.

    Args:
        redis: the library's client, told to try `ONCE`.
        address: for messages.
        confirmation: waits for promises.
        recovered: see `Answers`.
    """

    def __init__(
        self,
        redis: Redis,
        address: str,
        confirmation: Confirmation,
        recovered: Callable[[float], None] | None = None,
    ) -> None:
        self.confirmation = confirmation
        self.answers = Answers(recovered)
        self._redis = redis
        self._address = address
        self._most = redis.connection_pool.max_connections
        self._free = asyncio.Semaphore(self._most)
        self._answered_at = -math.inf
        self._given_up_at = -math.inf
        self._last_failure = ""

    async def answered(
        self, ask: Callable[[Redis], Awaitable[T]], *, is_promise: bool = False
    ) -> T:
        """Redis' answer; the call is repeated when no answer comes.

        A repeat is safe: every script of the ledger may run twice.

        Args:
            ask: makes the call once. A repeat runs all of it.
            is_promise: whether its answer must survive something, and `ask` waits for that.

        Raises:
            LedgerUnavailable: Redis cannot be reached, or refuses. It is uncertain when any of the
                tries had no answer, also when Redis answered a later one.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        async with self._free:
            if began < self._given_up_at and self._answered_at < self._given_up_at:
                # Redis answered no call while this one waited, and an earlier one has given up.
                raise LedgerUnavailable(self._last_failure)
            uncertain = False
            for tried in count(1):
                if self.answers.outdated:
                    await self._drop_idle()
                try:
                    async with self.answers.awaited():
                        answer = await ask(self._redis)
                except (exceptions.RedisError, OSError) as error:
                    self.confirmation.forget()
                    unanswered = is_unanswered(error)
                    uncertain = uncertain or unanswered
                    if tried <= RETRIES and isinstance(error, _REPEATED):
                        await asyncio.sleep(_BACKOFF.compute(tried))
                        continue
                    problem = refusal(self._address, error, uncertain=uncertain)
                    self.answers.refused(error, problem)
                    if isinstance(error, _REPEATED):
                        self._given_up_at, self._last_failure = clock(), str(problem)
                    # `from None`: the library's error may quote the command, and so a job's
                    # content.
                    raise problem from None
                self._answered_at = clock()
                self.answers.carried_out(is_promise=is_promise)
                return answer
        raise AssertionError("the last try returns or raises")

    async def _drop_idle(self) -> None:
        """Close the connections that are not in use; each connects again when it is used next."""
        self.answers.outdated = False
        # The pool's own method awaits at each of them, and a call could take one meanwhile.
        for connection in self._redis.connection_pool._available_connections:  # noqa: SLF001
            with suppress(exceptions.RedisError, OSError):
                await connection.disconnect(nowait=True)

    def another(self) -> Any:
        """One more connection of the redis library, outside the pool, not yet opened."""
        return self._redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Close the connections, once the calls that are under way have ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                for _ in range(self._most):
                    await self._free.acquire()
        await self._redis.aclose()


_REPEATED: Final = (exceptions.ConnectionError, exceptions.TimeoutError)
