"""Workers that stand still for longer than their leases: the process, or only its event loop."""

import re
import signal
import time
from itertools import chain

from chaos.aftermath import Aftermath, Silence
from chaos.load import Load
from chaos.row import Arena, Report, Row, recoveries, report_on
from chaos.sabotage import BLOCKED_WORDS, BLOCKS
from chaos.saboteur import command
from chaos.stage import Stage
from running.upstream import fingerprint
from running.waiting import lasting
from running.worker import RunningWorker

PAUSES_A_LEASE = 1.5
"""Pauses are longer than a lease, so that other workers claim the jobs."""
LEAST_BLOCK_SECONDS, MOST_BLOCK_SECONDS = 5.0, 10.0
BUSY_SHARE = 0.5
LEASES_LOST = 2
"""One job at least must lose its lease this often, or the pauses have tested nothing."""


def _in_turn(arena: Arena) -> Report:
    lease_seconds = arena.load.seconds / PAUSES_A_LEASE
    with arena.stage(lease_seconds=f"{lease_seconds:g}") as stage:
        stage.start()
        # Many slots are busy, so that a job that moves to another worker meets its pause too.
        stage.busy(int(BUSY_SHARE * stage.load.workers * stage.load.max_in_flight))
        pauses = [
            _pause(worker, stage.load.seconds)
            for _ in range(stage.load.faults)
            for worker in stage.workers
        ]
        aftermath = stage.settle()
    report = _judged(aftermath, pauses)
    most = max((record.claims - 1 for record in aftermath.records.values()), default=0)
    report.figures["leases lost by one job"] = most
    report.demand(most >= LEASES_LOST, f"a job lost its lease {LEASES_LOST} times: {most}")
    return report


def _pause(worker: RunningWorker, seconds: float) -> Silence:
    worker.process.send_signal(signal.SIGSTOP)
    since = time.time()
    lasting(seconds, lambda: worker.process.poll() is None, "the worker is stopped, but alive")
    silent = Silence(fingerprint(worker.api_key), since, time.time())
    worker.process.send_signal(signal.SIGCONT)
    return silent


def _blocked(arena: Arena) -> Report:
    with arena.stage(command=command("blocked-loop")) as stage:
        stage.start_workers([_block(arena) for _ in range(stage.load.faults)])
        # At least one worker is well, to do the jobs of the others.
        stage.start_workers([{}] * (stage.load.workers - stage.load.faults))
        stage.producer.start()
        aftermath = stage.settle()
        blocks = _blocks(stage)
    report = _judged(aftermath, blocks)
    taken = [aftermath.called_again(each.since, aftermath.unwritten(each)) for each in blocks]
    report.demand(all(taken), "other workers took over jobs of each blocked one")
    report.demand(
        len(blocks) == arena.load.faults, f"{arena.load.faults} loops were blocked: {len(blocks)}"
    )
    struck = {block.since: aftermath.unwritten(block) for block in blocks}
    report.recoveries = recoveries(aftermath, struck)
    return report


def _block(arena: Arena) -> dict[str, str]:
    """The environment of a worker whose loop is blocked once, at a random call."""
    each = arena.load.jobs // arena.load.workers
    calls = int(arena.chance.uniform(0.2, 0.5) * each)
    seconds = arena.chance.uniform(LEAST_BLOCK_SECONDS, MOST_BLOCK_SECONDS)
    return {BLOCKS: f"{calls} {seconds:.1f}"}


def _blocks(stage: Stage) -> list[Silence]:
    return [
        Silence(fingerprint(worker.api_key), float(since), float(until))
        for worker in stage.workers
        for since, until in re.findall(
            rf"^{BLOCKED_WORDS}([\d.]+) ([\d.]+)$", worker.log(), re.MULTILINE
        )
    ]


def _judged(aftermath: Aftermath, silences: list[Silence]) -> Report:
    struck = chain.from_iterable(map(aftermath.unwritten, silences))
    return report_on(aftermath, struck=list(struck))


IN_TURN = Row(
    name="worker-pauses",
    fault="each of three workers in turn gets SIGSTOP for one and a half leases, and SIGCONT",
    demand="none fails, however often its lease is lost; D <= F",
    play=_in_turn,
    # A job that has lost three leases rests for five leases: short ones keep the test short.
    short=Load(jobs=90, workers=3, latency_ms=2000, seconds=3.0),
    long=Load(
        rounds=5, jobs=2_000, workers=3, max_in_flight=50, latency_ms=2000, faults=3, seconds=4.5
    ),
)
BLOCKED = Row(
    name="worker-blocked",
    fault="something blocks a worker's event loop for 5 to 10 s",
    demand="D <= F; first recovered job within 5 s (p99)",
    play=_blocked,
    short=Load(jobs=600),
    long=Load(rounds=10, jobs=3_000, workers=3, max_in_flight=50, faults=2),
    recovery_p99=5.0,
)
