"""More worker processes at a slow upstream, all on the measured core."""

from typing import Final

from bench.load import Load
from bench.measures import DRAIN_COLUMNS, enqueue_and_drain
from bench.scenario import OURS_ALONE, Scenario

SCALING: Final = Scenario(
    name="scaling",
    about="1 to 8 worker processes with 50 calls in flight each, upstream 1 s",
    measure=enqueue_and_drain,
    short=tuple(
        Load(100 * n, f"{n} processes", latency_ms=500, in_flight=50, processes=n) for n in (1, 2)
    ),
    long=tuple(
        Load(750 * n, f"{n} processes", latency_ms=1_000, in_flight=50, processes=n)
        for n in (1, 2, 4, 8)
    ),
    columns=DRAIN_COLUMNS,
    kinds=OURS_ALONE,
)
