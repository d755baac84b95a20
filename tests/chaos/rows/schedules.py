"""Random sequences of calls to the ledger, with stale and repeated calls."""

from chaos.load import Load
from chaos.row import Arena, Report, Row
from running.ledger_machine import check
from running.redis_server import RedisServer


def _schedules(arena: Arena) -> Report:
    report = Report(figures={"schedules": arena.load.jobs})
    with RedisServer(arena.folder) as redis:
        try:
            check(redis.url, arena.load.jobs)
        except AssertionError as fault:
            report.demand(met=False, what=f"the ledger is consistent after every call: {fault}")
    return report


SCHEDULES = Row(
    name="schedules",
    fault="calls of the ledger in any order, replays too; deadlines pass, and hints are lost",
    demand="each job has one place or one end; only jobs with lost hints are announced again",
    play=_schedules,
    # Here the number of jobs is the number of sequences, of 30 calls each.
    short=Load(jobs=20),
    long=Load(jobs=10_000),
)
