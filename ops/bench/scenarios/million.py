"""A batch of a million: handed in, watched, paused, resumed and exported, with exact counts."""

from typing import Final

from bench.arena import Arena
from bench.load import Load
from bench.roster import Entry
from bench.scenario import OURS_ALONE, Column, Figures, Scenario
from bench.serving import gateway

JOBS: Final = 1_000_000
SHAPE: Final = "3x100"
"""Small jobs: the body of a million of them is within the gateway's own limit."""


def measure(arena: Arena, entry: Entry) -> Figures:
    """A worker serves the jobs meanwhile, on the same core as the gateway."""
    jobs = arena.load.jobs
    with (
        gateway(arena, RERANKQ_MAX_QUEUE_DEPTH=str(2 * jobs)) as served,
        arena.worker(entry) as worker,
    ):
        by = arena.load.label
        url = served.url if by == "gateway" else arena.redis_url
        figures = arena.use("bench.large_batch", by, url, jobs)
        return {
            **figures,
            # A little above 1: workers check the scores of a model now and then by a call.
            "calls_per_job": arena.counts().requests / jobs,
            "gateway_mib": served.running.peak_mebibytes(),
            "worker_mib": worker.peak_mebibytes(),
        }


MILLION: Final = Scenario(
    name="million",
    about="a batch handed in, watched, paused, resumed and exported while a worker serves it",
    measure=measure,
    short=tuple(Load(2_000, by, latency_ms=0, shape=SHAPE) for by in ("gateway", "client")),
    long=tuple(Load(JOBS, by, latency_ms=0, shape=SHAPE) for by in ("gateway", "client")),
    columns=(
        Column("submitted_per_s", "handed in/s"),
        Column("whole_s", "until all ended, s"),
        Column("paused_s", "until paused, s", digits=2),
        Column("resumed_s", "resumed, s", digits=2),
        Column("exported_per_s", "exported/s"),
        Column("looks", "exact looks"),
        Column("calls_per_job", "calls a job", digits=4),
        Column("client_mib", "client MiB at most"),
        Column("gateway_mib", "gateway MiB at most"),
        Column("worker_mib", "worker MiB at most"),
    ),
    kinds=OURS_ALONE,
    most_runs=1,
)
