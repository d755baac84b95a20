"""Workers that are killed at random moments, or stopped first and then killed."""

import signal
from collections.abc import Callable
from itertools import chain

from chaos.aftermath import Aftermath, Silence
from chaos.load import Load
from chaos.row import (
    Arena,
    Report,
    Row,
    demand_right_counts,
    recoveries,
    report_on,
    strikes,
)
from running.waiting import lasting
from running.worker import RunningWorker

PAUSE_SECONDS = 2.0


def _killed_after(before: Callable[[RunningWorker], None]) -> Callable[[Arena], Report]:
    def play(arena: Arena) -> Report:
        with arena.stage() as stage:
            stage.start()
            faults = []
            for _ in strikes(arena, stage):
                victim = arena.chance.choice(stage.workers)
                before(victim)
                faults.append(stage.kill(victim))
                stage.replace(victim)
            return _judged(stage.settle(), faults)

    return play


def _at_once(_: RunningWorker) -> None:
    return


def _after_a_pause(victim: RunningWorker) -> None:
    victim.process.send_signal(signal.SIGSTOP)
    # Meanwhile the broker may deliver messages to the stopped worker: they must come back.
    lasting(PAUSE_SECONDS, lambda: victim.process.poll() is None, "the worker is only stopped")


def _judged(aftermath: Aftermath, faults: list[Silence]) -> Report:
    struck = {each.since: aftermath.unwritten(each) for each in faults}
    report = report_on(aftermath, struck=list(chain.from_iterable(struck.values())))
    report.recoveries = recoveries(aftermath, struck)
    demand_right_counts(report, aftermath)
    return report


KILL = Row(
    name="worker-kill",
    fault="a worker gets SIGKILL at random moments",
    demand="D <= F; first recovered job within 5 s (p99)",
    play=_killed_after(_at_once),
    short=Load(jobs=600),
    long=Load(rounds=20, jobs=10_000, workers=3, max_in_flight=50, faults=3, patience=300),
    recovery_p99=5.0,
)
PAUSE_KILL = Row(
    name="worker-pause-kill",
    fault="a worker gets SIGSTOP, and SIGKILL 2 s later",
    demand="0 lost; D <= F",
    play=_killed_after(_after_a_pause),
    short=Load(jobs=600),
    long=Load(rounds=20, jobs=10_000, workers=3, max_in_flight=50, faults=3, patience=300),
)
