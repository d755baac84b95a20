"""The primary is killed, and Sentinels make a replica the primary."""

import signal
import time

from chaos.aftermath import Aftermath
from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from running.redis_server import RedisServer
from running.sentinel import Group, sentinels

SERVING_SECONDS = 10.0
REPLICAS = 2
"""So that a replica is there to wait for, when one of them is the primary."""


def _failed_over(arena: Arena) -> Report:
    groups: list[Group] = []

    def address(_: RedisServer) -> str:
        return groups[0].url

    with (
        arena.stage(redis_address=address, durability="replica") as stage,
        sentinels(arena.folder, stage.redis, replicas=REPLICAS) as group,
    ):
        groups.append(group)
        stage.producer.settings |= {"redis_url": group.url, "durability": "replica"}
        stage.start()
        stage.called(stage.load.jobs // 3)
        stage.redis.stop(signal.SIGKILL)
        died = time.time()
        leader = group.failed_over()
        promoted = time.time()
        stage.lead_to(leader.url)
        ends_lost = stage.forgive_lost_ends(died - SERVING_SECONDS)
        aftermath = stage.settle()
    report = report_on(aftermath, struck=aftermath.in_flight(died))
    serving = _first_served(aftermath, died) - died
    report.figures |= {
        "promoted after s": promoted - died,
        "serving after s": serving,
        "ends lost": ends_lost,
    }
    report.demand(
        serving <= SERVING_SECONDS, f"serving within {SERVING_SECONDS:g} s: {serving:.1f} s"
    )
    return report


def _first_served(aftermath: Aftermath, after: float) -> float:
    """When the first job ended that was accepted after that time."""
    ends = (
        aftermath.records[job_id].finished
        for job_id, at in aftermath.accepted.items()
        if at > after and job_id in aftermath.records
    )
    return min((end for end in ends if end), default=float("inf"))


FAILOVER = Row(
    name="sentinel-failover",
    fault="the primary is killed, and Sentinels promote a replica; durability replica",
    demand="0 lost; D <= F; a new job is served within 10 s",
    play=_failed_over,
    short=Load(jobs=600, ahead=150),
    long=Load(rounds=10, jobs=5_000, workers=3, max_in_flight=50, ahead=500),
)
