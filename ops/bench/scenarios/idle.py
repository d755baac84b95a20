"""One job at a time through an idle worker."""

from typing import Final

from bench.arena import Arena
from bench.load import Load
from bench.measures import latency
from bench.roster import Entry
from bench.scenario import QUEUES, Column, Figures, Scenario

LATENCY_COLUMNS: Final = (
    Column("p50_ms", "p50 ms", digits=2, higher_is_better=False),
    Column("p99_ms", "p99 ms", digits=2, higher_is_better=False),
)


def measure(arena: Arena, entry: Entry) -> Figures:
    """A worker with nothing else to do."""
    with arena.worker(entry, BENCH_LANE="interactive"):
        return latency(arena, entry, arena.load.jobs)


IDLE: Final = Scenario(
    name="idle",
    about="submit to result of one job after the other, idle worker, upstream 0 ms",
    measure=measure,
    short=(Load(50, latency_ms=0),),
    long=(Load(500, latency_ms=0),),
    columns=LATENCY_COLUMNS,
    kinds=QUEUES,
)
