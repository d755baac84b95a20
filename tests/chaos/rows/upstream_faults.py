"""An upstream that is silent, slow, endless or absurd."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chaos.aftermath import Aftermath
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from chaos.stage import Stage

CALL_SECONDS = 3.0
SLACK_SECONDS = 0.5
MEMORY_FACTOR = 1.5
WATCH_SECONDS = 0.02
PROVEN_BY = 100

SILENT: Mapping[str, dict[str, Any]] = {
    "that nobody answers": {"kind": "hang"},
    "answered by drops": {"kind": "drip", "seconds_per_byte": 1.0},
}
ABSURD: Mapping[str, dict[str, Any]] = {
    "answered at length": {"kind": "huge", "bytes": 10**9},
    "answered in half": {"kind": "garbage"},
    "answered beside the point": {"kind": "wrong_index"},
    "answered without a number": {"kind": "nan"},
}


def _faulty(actions: Mapping[str, dict[str, Any]], reason: str) -> Callable[[Arena], Report]:
    def play(arena: Arena) -> Report:
        # Every tenth job meets a fault, each fault in turn; other jobs must not be affected. The
        # first jobs meet none: before the endpoint has given rankings, no answer ends a job.
        names = list(actions)
        marks = {n: names[n // 10 % len(names)] for n in range(PROVEN_BY + 5, arena.load.jobs, 10)}
        once = {"max_attempts": 1, "min_retry_seconds": 0}
        with arena.stage(marks=marks, call_seconds=CALL_SECONDS, **once) as stage:
            stage.upstream.set_faults(
                *(
                    {"match": {"query_contains": mark}, "action": action}
                    for mark, action in actions.items()
                )
            )
            stage.failing = {f"n{number}": reason for number in marks}
            stage.start()
            with _memory_watched(stage) as sizes:
                aftermath = stage.settle()
        return _judged(aftermath, set(stage.failing), sizes)

    return play


def _judged(aftermath: Aftermath, failing: set[str], sizes: list[tuple[int, int]]) -> Report:
    report = report_on(aftermath)
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    times = [(call.ended or 0) - call.arrived for call in aftermath.calls if call.job_id in failing]
    growth = max(most / before for before, most in sizes)
    report.figures |= {"longest call s": max(times), "memory factor": growth}
    report.demand(
        max(times) <= CALL_SECONDS + SLACK_SECONDS,
        f"deadline exceeded by {SLACK_SECONDS:g} s at most: {max(times):.2f} of {CALL_SECONDS:g} s",
    )
    report.demand(
        growth < MEMORY_FACTOR, f"memory grows less than {MEMORY_FACTOR:g} times: {growth:.2f}"
    )
    return report


@contextmanager
def _memory_watched(stage: Stage) -> Iterator[list[tuple[int, int]]]:
    """The memory of each worker in kB: at first, and the most while the block runs."""
    pids = [worker.process.pid for worker in stage.workers]
    sizes: list[tuple[int, int]] = [(size, size) for size in map(_resident, pids)]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_SECONDS):
            for position, pid in enumerate(pids):
                before, most = sizes[position]
                sizes[position] = before, max(most, _resident(pid))

    thread = threading.Thread(target=watch, name="chaos-memory")
    thread.start()
    try:
        yield sizes
    finally:
        over.set()
        thread.join()


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


SILENCE = Row(
    name="upstream-silent",
    fault="the upstream hangs, or answers a byte a second",
    demand="deadline exceeded by 0.5 s at most; memory under 1.5x; typed failure",
    play=_faulty(SILENT, "upstream_unavailable"),
    short=Load(jobs=300),
    # Each faulty call takes a slot until it times out: that limits the number of jobs.
    long=Load(rounds=5, jobs=2_000, max_in_flight=50),
)
ABSURDITY = Row(
    name="upstream-absurd",
    fault="the upstream sends 1 GB, broken JSON, wrong indexes, NaN",
    demand="memory under 1.5x; typed failure; deadline exceeded by 0.5 s at most",
    play=_faulty(ABSURD, "upstream_malformed"),
    short=Load(jobs=300),
    long=Load(rounds=5, jobs=2_000, max_in_flight=50),
)
