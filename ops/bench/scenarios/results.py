"""The results of a batch read through the gateway."""

import os
import time
from typing import Final

from bench import work
from bench.arena import Arena, BenchError
from bench.calling_gateway import lines_of_jobs
from bench.load import Load
from bench.roster import Entry
from bench.scenario import OURS_ALONE, Column, Figures, Scenario
from bench.serving import gateway


def measure(arena: Arena, entry: Entry) -> Figures:
    """The batch has ended, and its worker too; all rows are read once to their end."""
    jobs = arena.load.jobs
    os.environ[work.SHAPE] = arena.load.shape
    with gateway(arena) as served:
        batch = served.post("/v1/jobs:batch", data=lines_of_jobs(jobs))["batch"]
        with arena.worker(entry) as worker:
            arena.until(
                lambda: served.get(f"/v1/batches/{batch}")["rerankq"]["succeeded"] == jobs,
                "the end of all jobs",
                *(worker, served.running),
                poll=0.2,
            )
        cpu, redis = served.running.cpu_seconds(), arena.redis_cpu_seconds()
        began = time.monotonic()
        rows = sum(1 for _ in served.lines(f"/v1/batches/{batch}/results"))
        seconds = time.monotonic() - began
        if rows != jobs:
            raise BenchError(f"{rows} rows for {jobs} jobs")
        cpu = served.running.cpu_seconds() - cpu
        return {
            "rows_per_s": rows / seconds,
            "per_core": rows / cpu,
            "gateway_us": cpu / rows * 1e6,
            "redis_us": (arena.redis_cpu_seconds() - redis) / rows * 1e6,
            "mib": served.running.mebibytes(),
        }


RESULTS: Final = Scenario(
    name="results",
    about="the results of a batch read as JSONL through the gateway",
    measure=measure,
    short=(Load(400, latency_ms=0),),
    long=(Load(20_000, latency_ms=0),),
    columns=(
        Column("rows_per_s", "rows/s", higher_is_better=True),
        Column("per_core", "rows/s a core of the gateway", higher_is_better=True),
        Column("gateway_us", "gateway CPU µs/row", higher_is_better=False),
        Column("redis_us", "Redis CPU µs/row", higher_is_better=False),
        Column("mib", "gateway MiB"),
    ),
    kinds=OURS_ALONE,
)
