"""Connections to Redis that are cut again and again, or that fall silent."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chaos.aftermath import Aftermath
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from running.redis_server import RedisServer

BLIP_SECONDS = 2.0
BACK_SECONDS = 60.0


def _blips(arena: Arena) -> Report:
    with arena.stage() as stage:
        with _cutting(stage.redis) as cuts:
            stage.start()
            stage.called(stage.load.jobs, seconds=stage.load.patience)
        report = report_on(stage.settle())
    report.figures["cuts"] = len(cuts)
    report.demand(len(cuts) > 1, "connections were cut at all")
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    return report


@contextmanager
def _cutting(redis: RedisServer) -> Iterator[list[float]]:
    """Cut all client connections every two seconds, while the block runs."""
    cuts: list[float] = []
    over = threading.Event()

    def cut() -> None:
        with redis.client() as client:
            while not over.wait(BLIP_SECONDS):
                client.execute_command("CLIENT", "KILL", "TYPE", "normal")
                cuts.append(time.time())

    thread = threading.Thread(target=cut, name="chaos-cuts")
    thread.start()
    try:
        yield cuts
    finally:
        over.set()
        thread.join()


def _black_hole(arena: Arena) -> Report:
    with arena.proxied_stage() as (stage, proxies):
        stage.start()
        stage.called(stage.load.jobs // 3)
        for proxy in proxies:
            proxy.swallow()
        at = time.time()
        aftermath = stage.settle()
    # Redis answers on other connections: ends of calls in flight are written, no call is repeated.
    report = report_on(aftermath)
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    return _back_in_time(report, aftermath, at)


def _back_in_time(report: Report, aftermath: Aftermath, at: float) -> Report:
    # Jobs that were claimed before still make their calls within a lease. So only later calls show
    # that jobs are claimed again.
    claimed = [call.arrived for call in aftermath.calls if call.arrived > at + _SETTLED_SECONDS]
    back = min(claimed, default=float("inf")) - at
    report.figures["back s"] = back
    report.demand(back <= BACK_SECONDS, f"back within {BACK_SECONDS:g} s: {back:.1f} s")
    return report


_SETTLED_SECONDS = 3.0

BLIPS = Row(
    name="blip",
    fault="all client connections are cut every 2 s",
    demand="D = 0",
    play=_blips,
    short=Load(jobs=600, max_in_flight=10),
    long=Load(rounds=20, jobs=10_000, workers=3, max_in_flight=50, patience=300),
)
BLACK_HOLE = Row(
    name="black-hole",
    fault="the workers' connections to Redis fall silent, with no FIN",
    demand="D = 0; back within 60 s",
    play=_black_hole,
    short=Load(jobs=300, workers=1),
    # A round takes the same time for any number of jobs: it waits for time limits.
    long=Load(rounds=5, jobs=1_000, workers=2),
)
