"""Logs once a minute what a worker has done; when idle, only once in a while."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from rerankq.monitoring.logs.fields import FIGURES
from rerankq_worker.telemetry.activity import Activity, Counts
from rerankq_worker.upstream.errors import Throttled

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 900.0
"""How often an idle worker logs that it is alive and has no jobs."""


async def summarise(
    activity: Activity, in_hand: Callable[[], int], *, every_seconds: float = EVERY_SECONDS
) -> None:
    """Log until cancelled, and at the end what has happened since the last line.

    Args:
        activity: the counts.
        in_hand: returns how many jobs the worker holds.
        every_seconds: time between two lines.
    """
    began = spoke = time.monotonic()
    try:
        while True:
            await asyncio.sleep(every_seconds)
            counts, now = activity.take(), time.monotonic()
            if counts or in_hand():
                _say(counts, in_hand(), now - began)
                spoke = now
            elif now - spoke >= IDLE_SECONDS:
                log.info("idle: no job for %.0f min", (now - spoke) / 60, extra={FIGURES: {}})
                spoke = now
            began = now
    finally:
        if counts := activity.take():
            _say(counts, in_hand(), time.monotonic() - began)


def _say(counts: Counts, in_hand: int, seconds: float) -> None:
    told = figures(counts, in_hand, seconds)
    log.info("%s", sentence(counts, in_hand, seconds), extra={FIGURES: told})


def sentence(counts: Counts, in_hand: int, seconds: float) -> str:
    """The line for people.

    Args:
        counts: what happened.
        in_hand: jobs that the worker holds.
        seconds: how long that took.
    """
    return f"in {seconds:.0f} s: {'; '.join(_clauses(counts, in_hand, seconds))}"


def _clauses(counts: Counts, in_hand: int, seconds: float) -> Iterator[str]:
    yield f"done {counts.done:,} ({counts.done / max(seconds, 0.001):.1f} jobs/s)"
    if counts.failed:
        yield f"failed {counts.failed.total():,} ({_by_reason(counts.failed)})"
    if counts.waits:
        yield f"postponed {counts.waits.total():,} ({_by_reason(counts.waits)})"
    if counts.calls.count:
        median, slow = counts.calls.quantile(0.5), counts.calls.quantile(0.99)
        yield f"calls answered {counts.calls.count:,} (p50 {median:.3g} s, p99 {slow:.3g} s)"
    if counts.errors:
        yield f"failed calls {counts.errors.total():,} ({_by_reason(counts.errors)})"
    yield f"in flight {in_hand:,}"


def _by_reason(counter: Counter[str]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in counter.most_common())


def figures(counts: Counts, in_hand: int, seconds: float) -> dict[str, Any]:
    """The same by name, for machines."""
    return {
        "seconds": round(seconds, 1),
        "done": counts.done,
        "failed": dict(counts.failed),
        "waits": dict(counts.waits),
        "calls": counts.calls.count,
        "call_p50_seconds": round(counts.calls.quantile(0.5), 4),
        "call_p99_seconds": round(counts.calls.quantile(0.99), 4),
        "call_errors": dict(counts.errors),
        "throttled": counts.errors[Throttled.code],
        "in_hand": in_hand,
    }
