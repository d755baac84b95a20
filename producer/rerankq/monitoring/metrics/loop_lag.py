"""Measures how late the event loop is: everything in it is late by as much."""

import asyncio
from typing import Final

from rerankq.monitoring.metrics import catalogue
from rerankq.monitoring.metrics.registry import Metrics

EVERY_SECONDS: Final = 0.25


class LoopLag:
    """Measures the running loop.

    Args:
        metrics: where it is shown.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._lag = metrics.histogram(catalogue.LOOP_LAG).labels()

    async def run(self) -> None:
        """Measure until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + EVERY_SECONDS
            await asyncio.sleep(EVERY_SECONDS)
            self._lag.observe(max(0.0, clock() - due))
