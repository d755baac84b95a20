"""Redis is full: out of memory, or the disk of its append-only file is full."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import geteuid
from pathlib import Path

from chaos.aftermath import Aftermath
from chaos.load import Load
from chaos.row import Arena, Report, Row, Unavailable, report_on
from chaos.stage import Stage
from running.waiting import eventually, lasting

BACK_SECONDS = 15.0
DISK_MEGABYTES = 16
BLOCK = bytes(64 * 1024)


def _out_of_memory(arena: Arena) -> Report:
    with arena.stage() as stage:

        def strike() -> None:
            with stage.redis.client() as client:
                client.config_set("maxmemory", 1)

        def relieve() -> None:
            with stage.redis.client() as client:
                client.config_set("maxmemory", 0)

        return _full(stage, strike, relieve, ["out of memory"])


def _disk_full(arena: Arena) -> Report:
    if geteuid() != 0:
        raise Unavailable("only root can mount a small tmpfs")
    with _small_disk(arena.folder) as disk, arena.stage(redis_folder=disk) as stage:
        ballast = disk / "ballast"

        def strike() -> None:
            with ballast.open("wb", buffering=0) as file, _until_full():
                while True:
                    file.write(BLOCK)

        return _full(stage, strike, ballast.unlink, ["disk"])


def _full(
    stage: Stage,
    strike: Callable[[], None],
    relieve: Callable[[], None],
    words: Sequence[str],
) -> Report:
    stage.start()
    stage.called(stage.load.jobs // 3)
    at = time.time()
    strike()
    stage.producer.hurry()
    eventually(lambda: stage.producer.refusals, "a submit is refused")
    lasting(stage.load.seconds, lambda: True, "Redis stays full")
    relieve()
    over = time.time()
    return _judged(stage.settle(), at, over, words)


def _judged(aftermath: Aftermath, at: float, over: float, words: Sequence[str]) -> Report:
    report = report_on(aftermath, struck=aftermath.in_flight(at))
    refusals = set(aftermath.refusals)
    report.figures["refusals"] = len(aftermath.refusals)
    report.demand(
        all(any(word in refusal for word in words) for refusal in refusals),
        f"clear refusals: {refusals}",
    )
    back = aftermath.first_answer(over)
    report.figures["back after s"] = back
    report.demand(back <= BACK_SECONDS, f"back within {BACK_SECONDS:g} s: {back:.1f} s")
    return report


@contextmanager
def _until_full() -> Iterator[None]:
    try:
        yield
    except OSError:
        return


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        raise Unavailable(f"no tmpfs can be mounted: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


OUT_OF_MEMORY = Row(
    name="redis-memory",
    fault="Redis is out of memory (CONFIG SET maxmemory) for some seconds",
    demand="clear refusals; nothing accepted is lost; back within 15 s",
    play=_out_of_memory,
    short=Load(jobs=500, seconds=3.0, ahead=100),
    long=Load(rounds=5, jobs=5_000, seconds=10.0),
)
DISK_FULL = Row(
    name="redis-disk",
    fault="the disk under the AOF is full (fsync everysec) for some seconds",
    demand="clear refusals; nothing accepted is lost; back within 15 s",
    play=_disk_full,
    short=Load(jobs=500, seconds=3.0, ahead=100),
    # The small disk must hold the whole AOF of a round: that limits the number of jobs.
    long=Load(rounds=5, jobs=1_500, seconds=10.0),
)
