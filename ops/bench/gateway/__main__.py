"""Measure what the gateway adds to a rerank call, in turns with the direct call.

    PYTHONPATH=ops python -m bench.gateway
    PYTHONPATH=ops python -m bench.gateway --beside litellm=http://127.0.0.1:9002/rerank@PID

All processes of rerankq run on one core, the upstream and this program on another. Only ratios of
one run count. `--beside` measures another gateway in the same turns: start it yourself, on the
measured core, and name its processes.
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp

from bench.arena import Arena
from bench.gateway.calling import Caller, Target, quantile_ms
from bench.gateway.stack import Stack, stack
from bench.load import Load
from bench.processes import stay_aside

PORT: Final = 8099
WARM_UP: Final = 100
_TICK: Final = os.sysconf("SC_CLK_TCK")
_TIMES: Final = slice(11, 15)
"""Fields of /proc/PID/stat after the name: times of the process and of its children."""

Cpu = Callable[[], Mapping[str, float]]


async def measure(targets: Mapping[Target, Cpu], options: argparse.Namespace) -> None:
    """Measure all targets in turns, and print a line for each."""
    figures: dict[str, list[dict[str, float]]] = {each.name: [] for each in targets}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        caller = Caller(session)
        for target in targets:
            await caller.at_once(target, WARM_UP, options.width)
        for _ in range(options.rounds):
            for target, cpu in targets.items():
                figures[target.name].append(await _round(caller, target, cpu, options))
    for name, rounds in figures.items():
        medians = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        shown = "  ".join(f"{key} {value:,.2f}" for key, value in medians.items())
        sys.stdout.write(f"{name:10} {shown}\n")


async def _round(
    caller: Caller, target: Target, cpu: Cpu, options: argparse.Namespace
) -> dict[str, float]:
    alone = await caller.one_by_one(target, options.count)
    before = cpu()
    busy, seconds = await caller.at_once(target, options.many, options.width)
    spent = {f"{name} µs": (now - before[name]) / options.many * 1e6 for name, now in cpu().items()}
    return {
        "p50 ms": quantile_ms(alone, 0.5),
        "p99 ms": quantile_ms(alone, 0.99),
        "calls/s": options.many / seconds,
        "busy p50 ms": quantile_ms(busy, 0.5),
        "busy p99 ms": quantile_ms(busy, 0.99),
        "CPU µs": sum(spent.values()),
        **spent,
    }


def _targets(running: Stack, beside: list[str]) -> dict[Target, Cpu]:
    headers = (("Authorization", "Bearer sk-bench"), ("Content-Type", "application/json"))
    targets: dict[Target, Cpu] = {
        Target("direct", running.upstream, headers): dict[str, float],
        Target("rerankq", running.gateway, headers): running.cpu_seconds,
    }
    for entry in beside:
        name, _, rest = entry.partition("=")
        url, _, named = rest.rpartition("@")
        pids = named.split(",")
        targets[Target(name, url, headers)] = partial(_cpu_of, pids)
    return targets


def _cpu_of(pids: list[str]) -> dict[str, float]:
    stats = (Path(f"/proc/{pid}/stat").read_text("utf-8", "replace") for pid in pids)
    fields = (stat.rpartition(")")[2].split() for stat in stats)
    return {"gateway": sum(sum(map(int, each[_TIMES])) for each in fields) / _TICK}


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=300, help="calls one by one")
    parser.add_argument("--many", type=int, default=3000, help="calls at once")
    parser.add_argument("--width", type=int, default=64, help="how many at the same time")
    parser.add_argument("--port", type=int, default=PORT, help="of the gateway")
    parser.add_argument("--beside", action="append", default=[], metavar="NAME=URL@PID[,PID]")
    options = parser.parse_args()
    stay_aside()
    with Arena(None) as arena:
        arena.begin(Load(jobs=0, latency_ms=0))
        with stack(arena, options.port) as running:
            asyncio.run(measure(_targets(running, options.beside), options))


if __name__ == "__main__":
    main()
