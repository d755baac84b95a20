"""What a deep backlog costs: the same figures with more and more queued jobs, all served."""

from typing import Final

from bench.arena import Arena
from bench.load import Load
from bench.measures import DRAIN_COLUMNS, ENQUEUE_COLUMNS, drain, enqueue
from bench.processes import Running
from bench.roster import Entry
from bench.scenario import OURS_ALONE, Column, Figures, Scenario

TENTHS: Final = 10


def measure(arena: Arena, entry: Entry) -> Figures:
    """The worker's memory is read after each tenth of the jobs."""
    memory: list[float] = []

    def watch(workers: list[Running], answered: int) -> None:
        if answered * TENTHS >= (len(memory) + 1) * arena.load.jobs:
            memory.append(sum(each.mebibytes() for each in workers))

    figures = {**enqueue(arena, entry), **drain(arena, entry, watch)}
    return figures | {"first_mib": memory[0], "last_mib": memory[-1]}


BACKLOG: Final = Scenario(
    name="backlog",
    about="all of a backlog enqueued and served, upstream 0 ms",
    measure=measure,
    short=(Load(500, "500", latency_ms=0), Load(2_000, "2,000", latency_ms=0)),
    long=tuple(Load(n, f"{n:,}", latency_ms=0) for n in (10_000, 100_000, 1_000_000)),
    columns=(
        *ENQUEUE_COLUMNS,
        *DRAIN_COLUMNS[:3],
        Column("first_mib", "worker MiB after a tenth", digits=1),
        Column("last_mib", "at the end", digits=1),
    ),
    kinds=OURS_ALONE,
    most_runs=1,
)
