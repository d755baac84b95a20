"""Redis stands still for a while, and then goes on."""

import signal
import time
from collections.abc import Callable

from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from chaos.stage import Stage
from running.redis_server import RedisServer
from running.waiting import lasting

FORMER_SECONDS = 3.0
WINDOW_SECONDS = 2.0
SHARE = 0.95
BACK_SECONDS = 10.0


def _debug_sleep(redis: RedisServer, seconds: float) -> None:
    with redis.client() as client:
        client.execute_command("DEBUG", "SLEEP", seconds)


def _sigstop(redis: RedisServer, seconds: float) -> None:
    process = redis.process
    assert process
    process.send_signal(signal.SIGSTOP)
    try:
        lasting(seconds, lambda: process.poll() is None, "Redis is stopped, but alive")
    finally:
        process.send_signal(signal.SIGCONT)


def _stalled(stall: Callable[[RedisServer, float], None]) -> Callable[[Arena], Report]:
    def play(arena: Arena) -> Report:
        with arena.stage() as stage:
            stage.start()
            at = _steady(stage)
            stall(stage.redis, stage.load.seconds)
            over = time.time()
            aftermath = stage.settle()
        report = report_on(aftermath)
        report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
        former = aftermath.rate(at - FORMER_SECONDS, at)
        back = aftermath.back_at_rate(over, SHARE * former, WINDOW_SECONDS)
        report.figures |= {"rate before": former, "back at rate after s": back}
        report.demand(
            back <= BACK_SECONDS,
            f"{SHARE:.0%} of the former rate within {BACK_SECONDS:g} s: {back:.1f} s",
        )
        return report

    return play


def _steady(stage: Stage) -> float:
    """Let the workers run while the rate before the fault is measured; returns the time."""
    stage.called(2 * stage.load.workers * stage.load.max_in_flight)
    lasting(FORMER_SECONDS, lambda: True, "the rate before the fault is measured")
    return time.time()


# Slots and latency limit the rate to 100 a second. So it does not depend on the machine's CPU, and
# rates can be compared. There are enough jobs for the time before the stall, the stall and after.
DEBUG_SLEEP = Row(
    name="redis-sleep",
    fault="Redis gets DEBUG SLEEP 3",
    demand="D = 0; 95 % of the former rate within 10 s",
    play=_stalled(_debug_sleep),
    short=Load(seconds=3.0, jobs=1_300, max_in_flight=10, ahead=400),
    # A round takes the same time for any number of jobs.
    long=Load(seconds=3.0, rounds=5, jobs=4_000, max_in_flight=20, ahead=400),
)
SIGSTOP = Row(
    name="redis-stop",
    fault="Redis gets SIGSTOP for 10 s",
    demand="D = 0; 95 % of the former rate within 10 s",
    play=_stalled(_sigstop),
    short=Load(seconds=10.0, jobs=1_300, max_in_flight=10, ahead=400),
    long=Load(seconds=10.0, rounds=5, jobs=4_000, max_in_flight=20, ahead=400),
)
