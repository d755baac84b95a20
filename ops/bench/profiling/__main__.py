"""`python -m bench.profiling FOLDER`: flame graphs of worker, client and Redis under load."""

import argparse
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.arena import Arena
from bench.load import Load
from bench.processes import stay_aside
from bench.profiling.flames import drawn
from bench.profiling.samplers import native_sampled, python_sampled
from bench.profiling.stacks import Stack
from bench.roster import OURS, Entry, present

ABOUT: Final = "10 documents of 200 characters a job, 200 calls in flight, upstream 0 ms"


def main() -> int:
    """Draw `client.svg`, `worker.svg`, `redis-enqueue.svg` and `redis-drain.svg`."""
    arguments = _parser().parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    stay_aside()
    (ours,) = [each for each in present(None, "") if each.name == OURS]
    with Arena(None) as arena:
        arena.begin(Load(arguments.jobs, latency_ms=0))
        seen = {**_enqueue(arena, ours), **_drain(arena, ours)}
    for name, stacks in seen.items():
        (folder / f"{name}.svg").write_text(drawn(stacks, f"{name}, {ABOUT}"), "utf-8")
        sys.stdout.write(f"{name}.svg: {stacks.total():,} samples\n")
    return 0


def _enqueue(arena: Arena, entry: Entry) -> dict[str, Counter[Stack]]:
    with (
        native_sampled(arena.redis_pid, arena.folder) as redis,
        arena.acting(entry, "enqueue", arena.load.jobs) as client,
        python_sampled(client.pid, arena.folder) as stacks,
    ):
        arena.until(lambda: not client.alive, "the end of the client")
    return {"client": stacks, "redis-enqueue": redis}


def _drain(arena: Arena, entry: Entry) -> dict[str, Counter[Stack]]:
    with ExitStack() as sampling, arena.worker(entry) as worker:
        arena.until(lambda: arena.counts().requests > 0, "a first call", worker)
        redis = sampling.enter_context(native_sampled(arena.redis_pid, arena.folder))
        stacks = sampling.enter_context(python_sampled(worker.pid, arena.folder))
        arena.until(lambda: entry.stored(arena.redis, arena.load.jobs), "the end of all", worker)
        sampling.close()
    return {"worker": stacks, "redis-drain": redis}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.profiling", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--jobs", type=int, default=30_000, help="jobs to push through (30,000)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
