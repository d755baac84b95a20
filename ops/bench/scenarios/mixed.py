"""Interactive jobs while bulk jobs run beside them, both lanes on the measured core."""

import time
from typing import Final

from bench.arena import Arena, BenchError
from bench.load import Load
from bench.measures import enqueue, latency
from bench.roster import Entry
from bench.scenario import OURS_ALONE, Column, Figures, Scenario
from bench.scenarios.idle import LATENCY_COLUMNS

BULK_TO_ONE: Final = 400
"""Bulk jobs for each interactive one: enough that bulk jobs run until the end."""


def measure(arena: Arena, entry: Entry) -> Figures:
    """Bulk jobs run before the first interactive job, and after the last one."""
    enqueue(arena, entry)
    with arena.worker(entry, BENCH_LANE="interactive") as interactive:
        # It starts before the bulk worker: its start would take the core from bulk jobs.
        latency(arena, entry, 1)
        ready = arena.counts().requests
        with arena.worker(entry, BENCH_LANE="bulk") as bulk:
            arena.until(lambda: arena.counts().requests > ready, "a first call", bulk, interactive)
            since, before = time.monotonic(), arena.counts().answered
            figures = latency(arena, entry, arena.load.jobs // BULK_TO_ONE)
            seconds, answered = time.monotonic() - since, arena.counts().answered - before
            if entry.stored(arena.redis, arena.load.jobs):
                raise BenchError("bulk jobs ended before the last interactive job: add bulk jobs")
    return {**figures, "calls_per_s": answered / seconds}


MIXED: Final = Scenario(
    name="mixed",
    about="the same while bulk drains beside it on the same core, upstream 100 ms",
    measure=measure,
    short=(Load(8_000),),
    long=(Load(60_000),),
    columns=(*LATENCY_COLUMNS, Column("calls_per_s", "calls/s of both lanes")),
    kinds=OURS_ALONE,
)
