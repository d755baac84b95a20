"""A worker that stands still for longer than its leases, and then writes late results."""

import signal
import time
from collections.abc import Callable

from chaos.aftermath import Aftermath, Silence
from chaos.judge import result_of
from chaos.load import Load
from chaos.row import Arena, Report, Row, demand_right_counts, report_on
from chaos.stage import Stage
from running.upstream import fingerprint
from running.waiting import eventually


def _zombie(awaited: Callable[[Stage, float], bool]) -> Callable[[Arena], Report]:
    def play(arena: Arena) -> Report:
        with arena.stage() as stage:
            victim = stage.start_workers([{}])[0]
            stage.producer.start()
            stage.busy(stage.load.max_in_flight)
            victim.process.send_signal(signal.SIGSTOP)
            stopped = time.time()
            stage.start_workers([{}] * (stage.load.workers - 1))
            eventually(lambda: awaited(stage, stopped), "the moment to wake it", seconds=60)
            silent = Silence(fingerprint(victim.api_key), stopped, time.time())
            victim.process.send_signal(signal.SIGCONT)
            return _judged(stage.settle(), silent)

    return play


def _while_others_run_its_jobs(stage: Stage, at: float) -> bool:
    """At this moment only the fencing token tells whose result counts."""
    calls = stage.upstream.calls()
    before = {call.job_id for call in calls if call.arrived <= at}
    again = [call for call in calls if call.arrived > at and call.job_id in before]
    # They are served in turn with jobs that were not called for yet: at best half of the slots.
    return sum(call.ended is None for call in again) >= stage.load.max_in_flight // 3


def _when_its_jobs_have_ended(stage: Stage, at: float) -> bool:
    struck = {call.job_id for call in stage.upstream.calls() if call.arrived <= at}
    return all(record.ended for record in stage.judge.read(struck).values())


def _judged(aftermath: Aftermath, silent: Silence) -> Report:
    struck = aftermath.unwritten(silent)
    report = report_on(aftermath, struck=struck)
    demand_right_counts(report, aftermath)
    repeated = aftermath.called_again(silent.since, struck)
    calls = aftermath.arrivals()
    won = sum(
        # The upstream's own id of the call tells whose answer became the result.
        result_of(aftermath.records[job_id]).get("request_id") == calls[job_id][0].request_id
        for job_id in repeated
    )
    report.figures |= {"late results": len(repeated), "late results taken": won}
    report.demand(bool(repeated), "others took over the zombie's jobs")
    report.demand(won == 0, f"late results are fenced off: {won} of {len(repeated)} were taken")
    return report


ZOMBIE = Row(
    name="zombie",
    fault="a worker gets SIGSTOP past its leases, and SIGCONT while others run its jobs",
    demand="its late results are fenced off; D <= F",
    play=_zombie(_while_others_run_its_jobs),
    short=Load(jobs=60, latency_ms=2000),
    # A round tests one moment: more jobs would only wait for it.
    long=Load(rounds=20, jobs=500, workers=3, max_in_flight=50, latency_ms=2000),
)
LATE = Row(
    name="zombie-late",
    fault="a worker gets SIGSTOP past its leases, and SIGCONT when its jobs have ended",
    demand="its late results are fenced off; D <= F",
    play=_zombie(_when_its_jobs_have_ended),
    short=Load(jobs=60, latency_ms=1000),
    long=Load(rounds=20, jobs=500, workers=3, max_in_flight=50, latency_ms=1000),
)
