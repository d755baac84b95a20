"""Keeps a forecast at hand: read now and then, however many calls ask for it."""

import asyncio
from dataclasses import dataclass
from typing import Final

from rerankq.accounts.accounts import Accounts, Allotment
from rerankq.client.waiting.forecast import forecast
from rerankq.contract import Forecast, Lane
from rerankq.errors import RerankqError
from rerankq.ledger.presence import Presence
from rerankq.ledger.waiting import WaitingJobs

FRESH_SECONDS: Final = 0.25
STALE_SECONDS: Final = 2.0
"""An older reading is not used: whoever asks then waits for a new one."""


@dataclass(frozen=True, slots=True)
class _Reading:
    at: float
    accounts: dict[str, Allotment]
    queued: dict[Lane, int]
    served: set[Lane]


class Forecasts:
    """Forecasts for one event loop.

    Args:
        accounts: the accounts upstream.
        presence: the workers.
        jobs: the jobs that wait.
    """

    def __init__(self, accounts: Accounts, presence: Presence, jobs: WaitingJobs) -> None:
        self._accounts = accounts
        self._presence = presence
        self._jobs = jobs
        self._clock = asyncio.get_running_loop().time
        self._reading: asyncio.Task[_Reading] | None = None
        self._last: _Reading | None = None
        self._made: dict[Lane, Forecast] = {}

    async def get(self, lane: Lane) -> Forecast:
        """The forecast for a job of this lane, a moment old at most.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        last = await self._fresh()
        made = self._made.get(lane)
        if made is None:
            made = self._made[lane] = forecast(lane, last.accounts, last.queued, last.served)
        return made

    async def behind(self, lane: Lane, ahead: int) -> Forecast:
        """The forecast for a job of this lane that so many queued jobs of its lane come before.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        last = await self._fresh()
        return forecast(lane, last.accounts, {**last.queued, lane: ahead}, last.served)

    async def _fresh(self) -> _Reading:
        last = self._last
        age = self._clock() - last.at if last else STALE_SECONDS
        if age >= FRESH_SECONDS and self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._keep)
        if last is None or age >= STALE_SECONDS:
            if self._reading is None:
                raise AssertionError("a reading is under way")
            # Shielded: others wait for it too.
            last = await asyncio.shield(self._reading)
        return last

    async def close(self) -> None:
        """Read no more."""
        if self._reading:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def _keep(self, reading: "asyncio.Task[_Reading]") -> None:
        self._reading = None
        # An error concerns those who waited for it; here it is only looked at.
        if not reading.cancelled() and not isinstance(reading.exception(), RerankqError):
            self._last, self._made = reading.result(), {}

    async def _read(self) -> _Reading:
        at = self._clock()
        names, queued, served = await asyncio.gather(
            self._accounts.names(), self._jobs.queued(), self._presence.served_lanes()
        )
        looks = await asyncio.gather(*map(self._accounts.look, names))
        return _Reading(at, dict(zip(names, looks, strict=True)), queued, served)
