"""Samplers of running processes: py-spy for Python, perf for Redis."""

import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.arena import BenchError
from bench.entry import beside_python
from bench.profiling.stacks import Stack, from_folded, from_perf, without_lines

A_SECOND: Final = 250
STOP_SECONDS: Final = 60.0


@contextmanager
def python_sampled(pid: int, folder: Path) -> Iterator[Counter[Stack]]:
    """Sample a Python process while the block lasts; the stacks are there after it."""
    stacks: Counter[Stack] = Counter()
    raw = folder / f"{pid}.folded"
    # Only the thread with the interpreter's lock: without known states, waiting threads look busy.
    options = ["--gil", "--format", "raw", "--rate", str(A_SECOND), "--output", str(raw)]
    with _running([beside_python("py-spy"), "record", *options, "--pid", str(pid)], folder):
        yield stacks
    stacks.update(without_lines(from_folded(raw.read_text("utf-8"))))


@contextmanager
def native_sampled(pid: int, folder: Path) -> Iterator[Counter[Stack]]:
    """Sample any process by `perf` while the block lasts; the stacks are there after it.

    Raises:
        BenchError: there is no `perf`.
    """
    perf = shutil.which("perf")
    if not perf:
        raise BenchError("no perf on PATH: on Debian and Ubuntu, install linux-perf")
    stacks: Counter[Stack] = Counter()
    data = folder / f"{pid}.perf"
    how = ["--event", "cpu-clock", "--freq", str(A_SECOND), "--call-graph", "dwarf,16384"]
    with _running([perf, "record", *how, "--pid", str(pid), "--output", str(data)], folder):
        yield stacks
    script = subprocess.run(
        [perf, "script", "--no-inline", "--input", str(data)],
        capture_output=True,
        text=True,
        check=True,
    )
    stacks.update(from_perf(script.stdout))


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / "sampler.log").open("ab") as log:
        sampler = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            # Both write their samples when they are interrupted.
            sampler.send_signal(signal.SIGINT)
            sampler.wait(STOP_SECONDS)
