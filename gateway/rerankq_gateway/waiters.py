"""The requests of this process that wait for a job: so many at most, and none for nobody."""

import asyncio
from collections.abc import Coroutine
from enum import Enum, auto
from typing import Any, Final, TypeVar

from rerankq_gateway.asgi.request import Disconnected, HotRequest
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.shutdown import Shutdown

T = TypeVar("T")

_WATCH_AFTER: Final = 0.05
"""A request that is answered sooner is not watched: a watch costs more than such a short wait."""


class _Let(Enum):
    """Why a wait was broken off."""

    LEFT = auto()
    ENDING = auto()


class _Wait:
    """One request that waits, in its own task."""

    __slots__ = ("_request", "_task", "_timer", "_watch", "let")

    def __init__(self, request: HotRequest, task: asyncio.Task[Any]) -> None:
        self._request = request
        self._task = task
        self._watch: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER, self._begin)
        self.let: _Let | None = None

    def _begin(self) -> None:
        self._watch = asyncio.create_task(self._until_it_leaves())

    async def _until_it_leaves(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.go(_Let.LEFT)

    def go(self, why: _Let) -> None:
        """Break the wait off."""
        if self.let is None:
            self.let = why
            self._task.cancel()

    def end(self) -> None:
        """It needs to be watched no more."""
        self._timer.cancel()
        if self._watch:
            self._watch.cancel()


class Waiters:
    """Lets requests wait.

    Args:
        most: how many may wait at the same time.
        shutdown: once it is over, they wait no more.
    """

    def __init__(self, most: int, shutdown: Shutdown) -> None:
        self._most = most
        self._shutdown = shutdown
        self._waits: set[_Wait] = set()
        self._ending: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait now."""
        return len(self._waits)

    async def wait(self, request: HotRequest, work: Coroutine[Any, Any, T]) -> T:
        """Do the work, which is cancelled if the caller leaves or the process ends.

        Raises:
            GatewayError: 503, too many wait already, or the process ends; 401, the caller's token
                was revoked meanwhile.
            Disconnected: the caller has left.
        """
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("a request is served in a task")
        if len(self._waits) >= self._most:
            work.close()
            raise GatewayError(
                503,
                "too_many_waiters",
                f"{self._most:,} requests wait here already (RERANKQ_GATEWAY_MAX_WAITERS): try "
                "again later, or start more gateways",
                retry_after=1.0,
            )
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        wait = _Wait(request, task)
        self._waits.add(wait)
        try:
            found = await work
            await request.check_admission()
        except asyncio.CancelledError:
            if wait.let is None:
                raise
            # The cancellation was our own: it ends here.
            task.uncancel()
            if wait.let is _Let.LEFT:
                raise Disconnected from None
            raise GatewayError(
                503,
                "shutting_down",
                "this gateway is about to end: try again, another one may serve",
                retry_after=1.0,
            ) from None
        finally:
            wait.end()
            self._waits.discard(wait)
        return found

    async def _end(self) -> None:
        await self._shutdown.over.wait()
        for wait in list(self._waits):
            wait.go(_Let.ENDING)
        self._most = 0
