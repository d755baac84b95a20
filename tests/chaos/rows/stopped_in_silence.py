"""Workers that get SIGTERM while Redis does not answer, to all workers or to this one."""

import signal
import time

from chaos.aftermath import Silence
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on, strikes
from chaos.stage import Stage
from running.proxy import Proxy
from running.upstream import fingerprint
from running.waiting import lasting
from running.worker import RunningWorker

GRACE_SECONDS = 3.0
MORE_SECONDS = 15.0
"""The README tells supervisors to allow this time in addition to the grace time."""
DEAF_SECONDS = 3.0
"""After this time Celery waits for the answer to a heartbeat: it sends one every two seconds."""


def _redis_stopped(arena: Arena) -> Report:
    with arena.stage(drain_seconds=GRACE_SECONDS) as stage:
        stage.start()
        ends = []
        for _ in strikes(arena, stage):
            victim = arena.chance.choice(stage.workers)
            redis = stage.redis.process
            assert redis
            redis.send_signal(signal.SIGSTOP)
            try:
                ends.append(_asked_to_go(victim))
            finally:
                redis.send_signal(signal.SIGCONT)
            stage.replace(victim)
        aftermath = stage.settle()
    struck = [job_id for end in ends for job_id in aftermath.unwritten(end[2])]
    return _judged(report_on(aftermath, struck=struck), ends)


def _black_hole(arena: Arena) -> Report:
    with arena.proxied_stage(drain_seconds=GRACE_SECONDS) as (stage, proxies):
        ends = _swallowed(stage, proxies)
        report = _judged(report_on(stage.settle()), ends)
    # Redis answers on other connections, so the ends of the drain are written.
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    return report


def _swallowed(stage: Stage, proxies: list[Proxy]) -> list[tuple[int, float, Silence]]:
    """Silence the connections of a first worker in the middle of the work, and stop it."""
    victim = stage.start_workers([{}])[0]
    stage.start_workers([{}] * (stage.load.workers - 1))
    stage.producer.start()
    stage.called(stage.load.jobs // 3)
    proxies[0].swallow()
    end = _asked_to_go(victim)
    stage.replace(victim)
    return [end]


def _asked_to_go(worker: RunningWorker) -> tuple[int, float, Silence]:
    """Send SIGTERM to a worker that gets no answers; returns exit code, seconds and silence."""
    lasting(DEAF_SECONDS, lambda: worker.process.poll() is None, "the worker lives")
    started = time.monotonic()
    code = worker.terminate()
    took = time.monotonic() - started
    return code, took, Silence(fingerprint(worker.api_key), time.time())


def _judged(report: Report, ends: list[tuple[int, float, Silence]]) -> Report:
    codes, drains = [code for code, _, _ in ends], [took for _, took, _ in ends]
    report.figures["drain s"] = max(drains)
    report.demand(not any(codes), f"exit code 0: {codes}")
    report.demand(
        max(drains) < GRACE_SECONDS + MORE_SECONDS,
        f"ends within its grace time and {MORE_SECONDS:g} s: {max(drains):.1f} s",
    )
    return report


REDIS_STOPPED = Row(
    name="sigterm-redis-stopped",
    fault="a worker gets SIGTERM while Redis is stopped by SIGSTOP",
    demand="exit 0 within its grace time and 15 s; D <= F",
    play=_redis_stopped,
    short=Load(jobs=400),
    # A round takes the same time for any number of jobs: it waits for time limits.
    long=Load(rounds=5, jobs=2_000, workers=3, max_in_flight=50),
)
BLACK_HOLE = Row(
    name="sigterm-black-hole",
    fault="a worker gets SIGTERM when all its connections to Redis are silent, with no FIN",
    demand="exit 0 within its grace time and 15 s; D = 0",
    play=_black_hole,
    short=Load(jobs=400),
    long=Load(rounds=5, jobs=2_000, workers=3, max_in_flight=50),
)
