"""One tenant's flood of jobs, and a few jobs of another tenant beside it."""

from collections.abc import Sequence
from typing import Final

from chaos.aftermath import Aftermath
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from rerankq import RerankClient
from rerankq.contract import Job

TOGETHER: Final = 10
"""Jobs that the small tenant submits at once; it submits the next ones when these have ended."""
TIMES: Final = 10
"""So often it does that: alone first, and then beside the flood."""
MOST_TIMES: Final = 2.0
"""What the flood may cost its slowest jobs. Half of the capacity is the other tenant's."""
BUSY_SHARE: Final = 0.9


def _play(arena: Arena) -> Report:
    few_jobs = TOGETHER * TIMES
    with (
        arena.stage() as stage,
        RerankClient(stage.redis.url) as client,
    ):
        crowd, few = client.for_tenant("crowd"), client.for_tenant("few")
        stage.start_workers([{}] * stage.load.workers)
        jobs = [*stage.jobs.values()]
        first, *others = (jobs[at : at + few_jobs] for at in range(0, 3 * few_jobs, few_jobs))
        alone, beside = others
        flood = jobs[3 * few_jobs :]
        # The first calls of a worker open its connections.
        _in_turns(few, first)
        _in_turns(few, alone)
        for _ in crowd.submit_many(flood):
            pass
        slots = stage.load.workers * stage.load.max_in_flight
        stage.busy(int(BUSY_SHARE * slots))
        _in_turns(few, beside)
        left = client.tenants.use("crowd").queued
        # The small tenant has no jobs now: what it does not use is the other's.
        stage.busy(int(BUSY_SHARE * slots))
        aftermath = stage.gather({job.id: 0.0 for job in jobs})
    report = report_on(aftermath, struck=())
    before, during = (_p99(aftermath, each) for each in (alone, beside))
    report.figures |= {"p99 alone s": before, "p99 beside s": during, "flood left": left}
    report.demand(left > 0, "the flood lasted until the small tenant's last job had ended")
    most = MOST_TIMES * before
    report.demand(during <= most, f"p99 beside the flood within {most:.3f} s: {during:.3f} s")
    return report


def _in_turns(tenant: RerankClient, jobs: Sequence[Job]) -> None:
    """Submit the jobs, a few at a time, and wait for these before the next."""
    for start in range(0, len(jobs), TOGETHER):
        for handle in list(tenant.submit_many(jobs[start : start + TOGETHER])):
            handle.result(timeout=60)


def _p99(aftermath: Aftermath, jobs: Sequence[Job]) -> float:
    """Seconds from submit to end that 99 % of the jobs do not exceed."""
    took = sorted(aftermath.took(job.id) for job in jobs)
    return took[int(0.99 * (len(took) - 1))]


FLOOD = Row(
    name="tenant-flood",
    fault="a tenant submits thousands of jobs beside ten at a time of another tenant",
    demand=f"p99 of the ten within {MOST_TIMES:g} times that without the flood; D = 0",
    play=_play,
    short=Load(jobs=2_000, workers=1, latency_ms=50),
    long=Load(rounds=3, jobs=15_200, workers=2, max_in_flight=50, latency_ms=100, patience=300),
)
