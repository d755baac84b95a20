"""The command line that every entry has. It uses the standard library only: every peer imports it.

    python -m bench.peers.NAME enqueue N    put N jobs on the queue; the first 50 are not timed
    python -m bench.peers.NAME latency N    N jobs one after the other: milliseconds of each
    python -m bench.peers.NAME verify N     read some of the N results back, and check them
    python -m bench.peers.NAME worker       become the worker

Each prints one line of JSON.
"""

import asyncio
import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.work import Job, check, jobs

REDIS_URL: Final = os.environ.get("BENCH_REDIS_URL", "")
UPSTREAM_URL: Final = os.environ.get("BENCH_UPSTREAM_URL", "")
IN_FLIGHT: Final = int(os.environ.get("BENCH_IN_FLIGHT", "200"))
RESULT_SECONDS: Final = 3600

SAMPLES: Final = 50
FIRST_JOBS: Final = 50
"""The first jobs are not timed: they open connections and import modules that are imported late."""
WARM_UPS: Final = 20
PATIENCE_SECONDS: Final = 60

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Tool:
    """How a tool does what is measured; the three functions may be coroutine functions.

    Attributes:
        worker: the command that serves its queue.
        enqueue: takes jobs and returns their ids, by the best way that the tool has for many.
        ask: submit one job and wait for the rows of its result.
        fetch: returns the rows of an ended job, by its id.
        session: a context that is open around all of them.
    """

    worker: list[str]
    enqueue: Callable[[Sequence[Job]], Any]
    ask: Callable[[Job], Any]
    fetch: Callable[[str], Any]
    session: Callable[[], AbstractAsyncContextManager[Any]] = nullcontext


def main(tool: Tool) -> None:
    """Do what the command line says."""
    action, *numbers = sys.argv[1:]
    if action == "worker":
        os.execv(tool.worker[0], tool.worker)  # noqa: S606  a command of this benchmark
    do = {"enqueue": _enqueue, "latency": _latency, "verify": _verify}[action]
    sys.stdout.write(json.dumps(asyncio.run(do(tool, int(numbers[0])))) + "\n")


def beside_python(name: str) -> str:
    """A command that is installed where the running interpreter is."""
    return str(Path(sys.executable).parent / name)


async def _enqueue(tool: Tool, count: int) -> dict[str, float]:
    work = jobs(count)
    async with tool.session():
        first = min(FIRST_JOBS, count // 2)
        ids = await _value(tool.enqueue(work[:first]))
        wall, cpu = time.perf_counter(), time.process_time()
        ids += await _value(tool.enqueue(work[first:]))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if len(ids) != count:
        raise ValueError(f"{len(ids)} of {count} jobs were accepted")
    _ids_file().write_text(json.dumps([ids[at] for at in _samples(count)]), "utf-8")
    timed = count - first
    return {"enqueued_per_s": timed / wall, "client_us": cpu / timed * 1e6}


async def _latency(tool: Tool, count: int) -> dict[str, list[float]]:
    took = []
    async with tool.session():
        for job in jobs(WARM_UPS + count):
            started = time.perf_counter()
            rows = await _value(tool.ask(job))
            took.append((time.perf_counter() - started) * 1000)
            check(rows, job)
    return {"milliseconds": took[WARM_UPS:]}


async def _verify(tool: Tool, count: int) -> dict[str, int]:
    ids = json.loads(_ids_file().read_text("utf-8"))
    work = jobs(count)
    async with tool.session():
        for job_id, at in zip(ids, _samples(count), strict=True):
            check(await _value(tool.fetch(job_id)), work[at])
    return {"verified": len(ids)}


async def _value(found: Any) -> Any:
    return await found if inspect.isawaitable(found) else found


def _samples(count: int) -> range:
    return range(0, count, -(-count // SAMPLES))


def _ids_file() -> Path:
    return Path(os.environ["BENCH_IDS"])
