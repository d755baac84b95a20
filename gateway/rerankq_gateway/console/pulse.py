"""Throughput and latency, from the jobs that ended lately: read only while somebody looks."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from statistics import quantiles
from typing import Final, NamedTuple

from rerankq.client import AsyncRerankClient
from rerankq.contract import JobSummary

FRESH_SECONDS: Final = 2.0
WINDOW_SECONDS: Final = 10.0
MOST_JOBS: Final = 500
"""Newest ends that are looked at: beyond 50 a second they span less than the window."""
MOST_BEATS: Final = 300
LONGEST_SECONDS: Final = 600.0
_FEW: Final = 2


class Beat(NamedTuple):
    """One moment.

    Attributes:
        at: when, in Unix seconds.
        rate: jobs that end a second.
        failed: how many of a hundred have failed.
        median: seconds of a call.
        slow: seconds that 19 of 20 calls stay below.
    """

    at: float
    rate: float
    failed: float
    median: float
    slow: float


class Pulse:
    """The beats of the last minutes, as long as somebody looked."""

    def __init__(self) -> None:
        self._beats: deque[Beat] = deque(maxlen=MOST_BEATS)
        self._read_at = -FRESH_SECONDS
        self._reading = asyncio.Lock()

    async def read(self, client: AsyncRerankClient) -> Sequence[Beat]:
        """All of the last minutes, with a new one if the last is old."""
        async with self._reading:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                page = await client.job_page(state="ended", limit=MOST_JOBS)
                now = await client.operations.lanes.now()
                self._beats.append(beat_of(page.jobs, now))
                while self._beats[0].at < now - LONGEST_SECONDS:
                    self._beats.popleft()
                self._read_at = time.monotonic()
        return tuple(self._beats)


def beat_of(jobs: Sequence[JobSummary], now: float) -> Beat:
    """The beat that these jobs tell of, the newest ends first, at a time in Unix seconds."""
    recent = [each for each in jobs if each.finished_at and each.finished_at > now - WINDOW_SECONDS]
    span = WINDOW_SECONDS
    if recent and len(recent) == len(jobs) == MOST_JOBS:
        span = max(0.1, now - min(each.finished_at or now for each in recent))
    failed = sum(1 for each in recent if each.state.value == "failed")
    calls = [each.call.seconds for each in recent if each.call and each.call.seconds is not None]
    marks = quantiles(calls, n=20, method="inclusive") if len(calls) >= _FEW else calls * 19
    return Beat(
        at=now,
        rate=len(recent) / span,
        failed=100 * failed / len(recent) if recent else 0.0,
        median=marks[9] if marks else 0.0,
        slow=marks[18] if marks else 0.0,
    )
