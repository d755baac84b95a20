"""A slow upstream with many calls in flight."""

from typing import Final

from bench.load import Load
from bench.measures import DRAIN_COLUMNS, enqueue_and_drain
from bench.scenario import Scenario

SLOW: Final = Scenario(
    name="slow",
    about="2,000 calls in flight at an upstream that takes 2 s",
    measure=enqueue_and_drain,
    short=(Load(2_000, latency_ms=1_000, in_flight=2_000),),
    long=(Load(10_000, latency_ms=2_000, in_flight=2_000),),
    columns=DRAIN_COLUMNS,
)
