"""Workers are killed in the middle of jobs that need several calls each."""

from collections import Counter
from collections.abc import Mapping

from redis import Redis

from chaos.aftermath import ANSWERED, THROTTLED, Aftermath, Silence
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from chaos.stage import Stage
from running.keys import KEYS

DOCUMENTS = 24
CALL_DOCUMENTS = 3
CALLS = DOCUMENTS // CALL_DOCUMENTS
"""Calls of each job."""


def _play(arena: Arena) -> Report:
    with arena.stage(documents=DOCUMENTS, call_documents=CALL_DOCUMENTS) as stage:
        stage.start()
        faults: list[tuple[Silence, Mapping[str, int]]] = []
        shares = sorted(arena.chance.uniform(0.2, 0.7) for _ in range(arena.load.faults))
        for share in shares:
            stage.called(int(share * arena.load.jobs * CALLS))
            victim = arena.chance.choice(stage.workers)
            silence = stage.kill(victim)
            faults.append((silence, _kept(stage)))
            stage.replace(victim)
        aftermath = stage.settle()
        left = _kept(stage)
    report = report_on(aftermath)
    calls = Counter(call.job_id for call in aftermath.calls if call.status != THROTTLED)
    report.repeats = sum(max(0, count - CALLS) for count in calls.values())
    report.in_flight = sum(_in_flight(aftermath, *fault) for fault in faults)
    report.demand(
        report.repeats <= report.in_flight,
        f"D <= F: D = {report.repeats}, F = {report.in_flight}",
    )
    report.demand(not any(left.values()), f"0 checkpoints are left: {sum(left.values())} are")
    return report


def _kept(stage: Stage) -> Mapping[str, int]:
    """How many parts of each job have left a checkpoint; none for a job that has ended."""
    with Redis.from_url(stage.redis.url) as redis, redis.pipeline() as pipeline:
        for job_id in stage.jobs:
            pipeline.hlen(KEYS.parts(job_id))
        return dict(zip(stage.jobs, pipeline.execute(), strict=True))


def _in_flight(aftermath: Aftermath, dead: Silence, kept: Mapping[str, int]) -> int:
    """F: calls of a dead worker of which nothing was kept."""
    made, before = Counter[str](), Counter[str]()
    for call in aftermath.calls:
        if call.status in {None, ANSWERED} and call.arrived < dead.since:
            (made if call.key == dead.key else before)[call.job_id] += 1
    return sum(
        # What was kept before this worker had the job came from calls of others.
        count - max(0, kept[job_id] - before[job_id])
        for job_id, count in made.items()
        if (aftermath.records[job_id].finished or float("inf")) > dead.since
    )


LARGE_JOB = Row(
    name="large-job-kill",
    fault="a worker gets SIGKILL in the middle of jobs of eight calls each",
    demand="D <= F, in calls; no checkpoint is left",
    play=_play,
    short=Load(jobs=60),
    long=Load(rounds=20, jobs=1_000, workers=3, max_in_flight=50, faults=3, patience=300),
)
