"""Bulk jobs served: with a slow upstream, and with one that answers at once."""

from typing import Final

from bench.load import Load
from bench.measures import DRAIN_COLUMNS, enqueue_and_drain
from bench.scenario import Scenario

DRAIN: Final = Scenario(
    name="drain",
    about="queued jobs of 10 documents of 200 characters served, 200 calls in flight",
    measure=enqueue_and_drain,
    short=(Load(400, "100 ms"),),
    long=(Load(20_000, "100 ms"), Load(10_000, "0 ms", latency_ms=0)),
    columns=DRAIN_COLUMNS,
)
