"""A job that ends every process that touches it."""

from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from chaos.sabotage import SUICIDE_MARK
from chaos.saboteur import command
from rerankq.ledger.leases import MOST_LOST_LEASES

LEASE_SECONDS = 2


def _suicide(arena: Arena) -> Report:
    killer = arena.load.jobs // 3
    with arena.stage(
        command=command("suicide"),
        marks={killer: SUICIDE_MARK},
        # Both lanes: then `rerankq worker` itself starts anew what has ended.
        lane="",
        lease_seconds=LEASE_SECONDS,
    ) as stage:
        stage.failing = {f"n{killer}": "crash_loop"}
        stage.start()
        aftermath = stage.settle()
    report = report_on(aftermath)
    calls = aftermath.repeats()
    report.figures["most calls of a job"] = 1 + max(calls.values(), default=0)
    report.demand(
        max(calls.values(), default=0) <= MOST_LOST_LEASES,
        f"no job is called more than once a crash: {calls.most_common(3)}",
    )
    return report


CRASH_LOOP = Row(
    name="crash-loop",
    fault="a job that ends its process (os._exit)",
    demand="failed with crash_loop after 3 claims; all other jobs are done",
    play=_suicide,
    short=Load(jobs=200, workers=1),
    # A round is three crashes with their leases: the jobs beside it only have to outlive them.
    long=Load(rounds=5, jobs=1_000, workers=2),
)
