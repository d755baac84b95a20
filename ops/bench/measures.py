"""The measurements of which scenarios consist. `Arena.begin` comes before each."""

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from bench.arena import Arena
from bench.processes import OTHER_CORE, Running
from bench.roster import Entry
from bench.scenario import Column, Figures

FIRST_CALL_POLL_SECONDS: Final = 0.002

DRAIN_COLUMNS: Final = (
    Column("jobs_per_s", "jobs/s", higher_is_better=True),
    Column("worker_us", "worker CPU µs/job", higher_is_better=False),
    Column("redis_us", "Redis CPU µs/job", higher_is_better=False),
    Column("worker_mib", "worker MiB"),
    Column("most_in_flight", "most in flight"),
    Column("calls_per_job", "calls a job", digits=2),
)
ENQUEUE_COLUMNS: Final = (
    Column("enqueued_per_s", "enqueued/s", higher_is_better=True),
    Column("client_us", "client CPU µs/job", higher_is_better=False),
    Column("enqueue_redis_us", "Redis CPU µs/job", higher_is_better=False),
    Column("redis_bytes", "Redis bytes/job", higher_is_better=False),
)


def enqueue(arena: Arena, entry: Entry) -> Figures:
    """Put the load's jobs on the queue."""
    jobs = arena.load.jobs
    held, redis = arena.redis_bytes(), arena.redis_cpu_seconds()
    took = arena.run(entry, "enqueue", jobs)
    return {
        **took,
        "enqueue_redis_us": (arena.redis_cpu_seconds() - redis) / jobs * 1e6,
        "redis_bytes": (arena.redis_bytes() - held) / jobs,
    }


def drain(
    arena: Arena, entry: Entry, watch: Callable[[list[Running], int], None] | None = None
) -> Figures:
    """Serve jobs that are queued, from the first call to the last stored result.

    Args:
        arena: where.
        entry: whose jobs they are.
        watch: called at each check with the workers and the number of answered calls.
    """
    if entry.is_loop:
        return _bare(arena, entry)
    jobs = arena.load.jobs
    with ExitStack() as stack:
        workers = [stack.enter_context(arena.worker(entry)) for _ in range(arena.load.processes)]
        arena.until(
            lambda: arena.counts().requests > 0,
            "a first call",
            *workers,
            poll=FIRST_CALL_POLL_SECONDS,
        )
        cpu, redis = _cpu_seconds(workers), arena.redis_cpu_seconds()

        def over() -> bool:
            answered = arena.counts().answered
            if watch:
                watch(workers, answered)
            return answered >= jobs and entry.stored(arena.redis, jobs)

        arena.until(over, "the end of all jobs", *workers)
        ended = time.monotonic()
        cpu, redis = _cpu_seconds(workers) - cpu, arena.redis_cpu_seconds() - redis
        counts = arena.counts()
        memory = sum(each.mebibytes() for each in workers)
    arena.run(entry, "verify", jobs, core=OTHER_CORE)
    return {
        "jobs_per_s": jobs / (ended - counts.first_at),
        "worker_us": cpu / jobs * 1e6,
        "redis_us": redis / jobs * 1e6,
        "worker_mib": memory,
        "most_in_flight": counts.most_in_flight,
        "calls_per_job": counts.requests / jobs,
    }


def enqueue_and_drain(arena: Arena, entry: Entry) -> Figures:
    """Both, one after the other."""
    if entry.is_loop:
        return _bare(arena, entry)
    return {**enqueue(arena, entry), **drain(arena, entry)}


def latency(arena: Arena, entry: Entry, jobs: int) -> Figures:
    """Submit to result, one job after the other."""
    took = sorted(arena.run(entry, "latency", jobs, core=OTHER_CORE)["milliseconds"])
    return {"p50_ms": _percentile(took, 0.50), "p99_ms": _percentile(took, 0.99)}


def _bare(arena: Arena, entry: Entry) -> Figures:
    jobs = arena.load.jobs
    took = arena.run(entry, jobs)
    return {
        "jobs_per_s": jobs / took["seconds"],
        "worker_us": took["cpu_seconds"] / jobs * 1e6,
        "most_in_flight": arena.counts().most_in_flight,
    }


def _cpu_seconds(workers: list[Running]) -> float:
    return sum(each.cpu_seconds() for each in workers)


def _percentile(values: list[float], share: float) -> float:
    return values[max(0, math.ceil(share * len(values)) - 1)]
