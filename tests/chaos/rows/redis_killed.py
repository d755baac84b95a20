"""Redis is killed and started again with its append-only file."""

import signal
import time
from collections.abc import Callable
from itertools import chain

from chaos.load import Load
from chaos.row import Arena, Report, Row, recoveries, report_on, strikes
from chaos.stage import Stage
from rerankq.contract import Lane
from rerankq_worker.jobs.in_flight import JOBS_AHEAD
from running.waiting import lasting

EVERYSEC_SECONDS = 2.0
CONSUMING_SECONDS = 35.0


def _killed(fsync: str) -> Callable[[Arena], Report]:
    def play(arena: Arena) -> Report:
        with arena.stage(fsync=fsync) as stage:
            stage.start()
            faults, ends_lost = [], 0
            for _ in strikes(arena, stage):
                faults.append(time.time())
                _kill_and_start(stage)
                if fsync == "everysec":
                    ends_lost += stage.forgive_lost_ends(faults[-1] - EVERYSEC_SECONDS)
            aftermath = stage.settle()
        struck = {at: aftermath.in_flight(at) for at in faults}
        lost = aftermath.verdict.lost_ids
        excused = [
            job_id
            for job_id in lost
            if fsync == "everysec"
            and any(0 <= at - aftermath.accepted[job_id] <= EVERYSEC_SECONDS for at in faults)
        ]
        report = report_on(
            aftermath, struck=list(chain.from_iterable(struck.values())), spared=len(excused)
        )
        report.demand(
            len(lost) == len(excused), f"older than the last 2 s: {set(lost) - set(excused)}"
        )
        report.recoveries = recoveries(aftermath, struck)
        if fsync == "everysec":
            report.figures["jobs lost of the last 2 s"] = len(excused)
            report.figures["ends lost of the last 2 s"] = ends_lost
        return report

    return play


def _kill_and_start(stage: Stage) -> None:
    stage.redis.stop(signal.SIGKILL)
    # Long enough that workers notice it, and cannot give their jobs back.
    lasting(stage.load.seconds, lambda: stage.redis.process is None, "Redis is away")
    stage.redis.start()


def _restarted_while_busy(arena: Arena) -> Report:
    slots = arena.load.workers * arena.load.max_in_flight
    with arena.stage(fsync="always") as stage:
        stage.start()
        stage.busy(slots)
        at = time.time()
        _kill_and_start(stage)
        back = time.time()
        aftermath = stage.settle()
    report = report_on(aftermath, struck=aftermath.in_flight(at))
    # Jobs that were in flight or claimed before do not show that workers consume again.
    waiting = _HINT_JOBS + int(JOBS_AHEAD[Lane.BULK] * arena.load.max_in_flight)
    held = {call.job_id for call in aftermath.calls if call.arrived <= back}
    claimed = sorted(
        call.arrived for call in aftermath.calls if call.job_id not in held and call.arrived > back
    )[arena.load.workers * waiting :]
    consuming = min(claimed, default=float("inf")) - back
    report.figures["consuming after s"] = consuming
    report.demand(
        consuming <= CONSUMING_SECONDS,
        f"consuming again within {CONSUMING_SECONDS:g} s: {consuming:.1f} s",
    )
    return report


_HINT_JOBS = 50

ALWAYS = Row(
    name="redis-kill-always",
    fault="Redis gets SIGKILL and is back after 1 s, AOF fsync always",
    demand="0 lost; D <= F",
    play=_killed("always"),
    short=Load(jobs=800, seconds=1.0, faults=2),
    long=Load(
        rounds=20, jobs=10_000, workers=3, max_in_flight=50, faults=3, seconds=1.0, patience=300
    ),
)
EVERYSEC = Row(
    name="redis-kill-everysec",
    fault="Redis gets SIGKILL and is back at once, AOF fsync everysec",
    demand="at most what was accepted, or ended, in the last 2 s is lost; D <= F",
    play=_killed("everysec"),
    short=Load(jobs=800, faults=2),
    long=Load(rounds=20, jobs=10_000, workers=3, max_in_flight=50, faults=3, patience=300),
)
BUSY = Row(
    name="redis-restart-busy",
    fault="Redis is killed and back after 3 s while every slot is busy",
    demand="consuming again within 35 s",
    play=_restarted_while_busy,
    # Calls take longer than a lease: without renewals every job would run again and again.
    short=Load(jobs=400, max_in_flight=60, latency_ms=6_000, ahead=400, seconds=3.0),
    long=Load(rounds=5, jobs=2_000, max_in_flight=150, latency_ms=6_000, ahead=1_000, seconds=3.0),
)
