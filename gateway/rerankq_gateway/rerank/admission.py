"""Refuses at once what would wait longer than its caller does, or for an upstream that is out."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from rerankq.client import AsyncRerankClient
from rerankq.contract import Forecast, Lane
from rerankq.errors import LedgerUnavailable
from rerankq_gateway.errors import GatewayError

T = TypeVar("T")

MOST_TRIALS: Final = 8
"""So many calls of a process wait for an upstream that is out: workers try it with their jobs."""
_JITTER: Final = 0.1
"""So much longer some are told to stay away, so that not all come back at once."""
_TRIAL_SECONDS: Final = 5.0
"""An upstream that is out is tried about so often."""
_LOOK_SECONDS: Final = 1.0
_OUTAGE: Final = "outage"
_STOPPED: Final = frozenset({_OUTAGE, "no_worker"})
"""What stops the jobs of calls that were let in too, and not only new ones."""
_THROTTLED: Final = frozenset({"upstream", "quota"})
"""Who throttles, which is a 429; everything else is a 503."""


class _Call:
    """One call that was let in, in its own task."""

    __slots__ = ("forecast", "lane", "task", "until")

    def __init__(self, task: "asyncio.Task[Any]", lane: Lane, until: float) -> None:
        self.task = task
        self.lane = lane
        self.until = until
        self.forecast: Forecast | None = None


class Admission:
    """Lets in the calls whose jobs are expected to begin while their callers wait.

    While they wait it goes on looking: when the upstream fails or the last worker goes, those who
    would wait in vain are told so then, and not when their time is over.

    Args:
        client: gives forecasts.
    """

    def __init__(self, client: AsyncRerankClient) -> None:
        self._client = client
        # In the order in which they were let in.
        self._inside: dict[_Call, None] = {}
        self._looking: asyncio.Task[None] | None = None

    async def within(self, lane: Lane, patience: float, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work of a call, if it is let in.

        Args:
            lane: the call's.
            patience: seconds that its caller waits.
            work: does it; it is cancelled when it would be in vain.

        Raises:
            GatewayError: 429 or 503, with when a repeat can succeed, and why.
            LedgerUnavailable: Redis does not answer.
        """
        forecast = await self._client.forecast(lane)
        is_crowded = forecast.by == _OUTAGE and len(self._inside) >= MOST_TRIALS
        if is_crowded or forecast.wait_seconds > patience:
            raise refusal(forecast, patience)
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        if task is None:
            raise AssertionError("a call is served in a task")
        call = _Call(task, lane, loop.time() + patience)
        self._inside[call] = None
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            return await work()
        except asyncio.CancelledError:
            if call.forecast is None:
                raise
            # The cancellation was our own: it ends here.
            task.uncancel()
            raise refusal(call.forecast, call.until - loop.time()) from None
        finally:
            del self._inside[call]

    async def _look(self) -> None:
        """Look again and again, as long as calls are inside."""
        while self._inside:
            await asyncio.sleep(_LOOK_SECONDS)
            with suppress(LedgerUnavailable):
                for lane in {each.lane for each in self._inside}:
                    self._let_go(lane, await self._client.forecast(lane))
        self._looking = None

    def _let_go(self, lane: Lane, forecast: Forecast) -> None:
        if forecast.by not in _STOPPED:
            return
        # The first ones stay: an upstream that is out is tried with their jobs.
        first = MOST_TRIALS if forecast.by == _OUTAGE else 0
        until = asyncio.get_running_loop().time() + forecast.wait_seconds
        for call in list(self._inside)[first:]:
            if call.lane == lane and call.until < until and call.forecast is None:
                call.forecast = forecast
                call.task.cancel()


def refusal(forecast: Forecast, patience: float) -> GatewayError:
    """What a caller is told who is not let in, or waits no more.

    Args:
        forecast: why.
        patience: seconds that the caller waits, or has left.
    """
    wait = forecast.wait_seconds
    is_throttled = forecast.by in _THROTTLED
    missing = wait - patience if wait > patience else max(wait, _TRIAL_SECONDS)
    seconds = max(1.0, math.ceil(missing)) * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311  no secret
    return GatewayError(
        429 if is_throttled else 503,
        "wait_too_long",
        f"{_said(forecast, patience)}: try again later"
        + (", or wait longer" if wait > patience and forecast.by != _OUTAGE else ""),
        retry_after=seconds,
        throttled_by=forecast.by if is_throttled else None,
        members={"cause": forecast.by},
    )


def _said(forecast: Forecast, patience: float) -> str:
    said = f"{forecast.message}; " if forecast.message else ""
    wait = math.ceil(forecast.wait_seconds)
    if wait <= patience:
        return f"{said}as many calls as are needed to try it again wait here already"
    return (
        f"{said}a call would wait about {wait:,} s, longer than its time limit of {patience:.3g} s"
    )
