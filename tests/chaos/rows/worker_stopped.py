"""Workers that get SIGTERM: with enough time, with too little, and with SIGKILL soon after."""

import signal
import time

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
from chaos.stage import Stage
from running.upstream import fingerprint
from running.waiting import eventually, lasting
from running.worker import RunningWorker

MARK = "that nobody answers"
GRACE_SECONDS = 2.0
AT_ONCE_SECONDS = 3.0
EXIT_SECONDS = 8.0
"""Time for the shutdown of the worker, of Celery and of the interpreter, on a busy machine."""
KILL_AFTER_SECONDS = 1.0
SPARE_CALLS = 5
SLOW_SECONDS = 2.5
"""Longer than from SIGTERM to SIGKILL, so that some calls are unfinished; shorter than the rest of
a lease, so that slots are free again when the jobs come back."""


def _sigterm(arena: Arena) -> Report:
    with arena.stage() as stage:
        stage.start()
        codes, drains = [], []
        for _ in strikes(arena, stage):
            victim = arena.chance.choice(stage.workers)
            started = time.monotonic()
            codes.append(victim.terminate())
            drains.append(time.monotonic() - started)
            stage.replace(victim)
        aftermath = stage.settle()
    report = report_on(aftermath)
    demand_right_counts(report, aftermath)
    report.demand(aftermath.counted.uncertain_calls == 0, "no call is uncertain")
    report.figures["drain s"] = max(drains)
    report.demand(not any(codes), f"exit code 0: {codes}")
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    return report


def _sigterm_hand_back(arena: Arena) -> Report:
    marked = dict.fromkeys(range(0, arena.load.jobs, 10), MARK)
    with arena.stage(marks=marked, drain_seconds=GRACE_SECONDS) as stage:
        hang = {"match": {"query_contains": MARK}, "action": {"kind": "hang"}}
        stage.upstream.set_faults(hang)
        victim = stage.start_workers([{}])[0]
        stage.producer.start()
        # Only hanging calls are left: they cannot finish, however long the worker waits.
        stage.called(arena.load.jobs)
        eventually(lambda: stage.upstream.stats()["in_flight"] == len(marked), "the rest is done")
        other = stage.start_workers([{}])[0]
        assert other.process.poll() is None
        stage.upstream.clear_faults()
        started, asked = time.monotonic(), time.time()
        code = victim.terminate()
        drain = time.monotonic() - started
        stage.workers.remove(victim)
        aftermath = stage.settle()
    handed_back = {call.job_id for call in aftermath.calls if not call.answered}
    report = report_on(aftermath, struck=handed_back)
    demand_right_counts(report, aftermath)
    again = [
        call.arrived - asked - GRACE_SECONDS
        for call in aftermath.calls
        if call.job_id in handed_back and call.answered
    ]
    report.figures |= {"drain s": drain, "called again after s": max(again, default=0.0)}
    report.demand(code == 0, f"exit code 0: {code}")
    report.demand(drain < GRACE_SECONDS + EXIT_SECONDS, f"drains in its grace time: {drain:.1f} s")
    report.demand(
        len(again) == len(marked) and max(again) < AT_ONCE_SECONDS,
        f"unfinished jobs go back at once: {max(again, default=0):.1f} s",
    )
    attempts = {aftermath.records[job_id].attempts for job_id in handed_back}
    report.demand(attempts <= {1}, f"being given back uses no attempt: {attempts}")
    return report


def _sigterm_then_kill(arena: Arena) -> Report:
    with arena.stage() as stage:
        stage.start()
        faults = []
        for _ in strikes(arena, stage):
            victim = arena.chance.choice(stage.workers)
            # Slow only for this moment. If all calls were slow, a job that comes back would wait
            # for the backlog, and its recovery would measure that.
            slow = time.time()
            stage.upstream.set_faults({"action": {"kind": "delay", "seconds": SLOW_SECONDS}})
            _wait_for_slow_calls(stage, victim, slow)
            victim.process.send_signal(signal.SIGTERM)
            lasting(KILL_AFTER_SECONDS, lambda: True, "the worker drains")
            faults.append(stage.kill(victim))
            stage.upstream.clear_faults()
            stage.replace(victim)
        aftermath = stage.settle()
    struck = {each.since: aftermath.unwritten(each) for each in faults}
    unfinished = sum(map(len, struck.values()))
    report = report_on(aftermath)
    report.in_flight = unfinished
    report.demand(
        report.repeats <= unfinished + SPARE_CALLS * len(faults),
        f"D <= unfinished + {SPARE_CALLS}: D = {report.repeats}, unfinished = {unfinished}",
    )
    report.demand(all(struck.values()), "each of the drains was cut short")
    report.recoveries = recoveries(aftermath, struck)
    return report


def _wait_for_slow_calls(stage: Stage, worker: RunningWorker, since: float) -> None:
    key, enough = fingerprint(worker.api_key), stage.load.max_in_flight // 2

    def are_under_way() -> bool:
        calls = [each for each in stage.upstream.calls() if each.key == key]
        return sum(each.arrived > since and each.ended is None for each in calls) >= enough

    eventually(are_under_way, f"{enough} slow calls of the worker are under way")


SIGTERM = Row(
    name="sigterm",
    fault="a worker gets SIGTERM",
    demand="drains in its grace time, exit 0, D = 0",
    play=_sigterm,
    short=Load(jobs=400, latency_ms=500),
    # Nothing depends on chance here: a few rounds show the same as many.
    long=Load(rounds=5, jobs=5_000, workers=3, max_in_flight=50, latency_ms=500, faults=3),
)
HAND_BACK = Row(
    name="sigterm-hand-back",
    fault="a worker gets SIGTERM while some of its calls never end",
    demand="exit 0 in its grace time; unfinished jobs go back at once and use no attempt",
    play=_sigterm_hand_back,
    short=Load(jobs=100),
    long=Load(rounds=5, jobs=400, max_in_flight=100),
)
TERM_KILL = Row(
    name="sigterm-kill",
    fault="a worker gets SIGTERM, and SIGKILL 1 s later",
    demand="D <= unfinished + 5; first recovered job within 5 s (p99)",
    play=_sigterm_then_kill,
    short=Load(jobs=600),
    # Enough jobs for the second fault too, although work goes on while a new worker starts.
    long=Load(rounds=8, jobs=10_000, workers=3, max_in_flight=50, faults=2),
    recovery_p99=5.0,
)
