"""A worker that replaces itself while it holds ends that are not written yet."""

from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from chaos.saboteur import command

CALL_SECONDS = 5
"""How long a worker that must restart waits for its calls in flight."""


def _restarted(arena: Arena) -> Report:
    with arena.stage(command=command("writer"), call_seconds=CALL_SECONDS) as stage:
        stage.start()
        aftermath = stage.settle()
    report = report_on(aftermath, may_restart=True)
    restarts = report.figures["restarts"]
    report.demand(restarts == arena.load.workers, f"each restarts once: {restarts}")
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    return report


SELF_RESTART = Row(
    name="self-restart",
    fault="in each worker the part that writes ends fails, with some ends unwritten",
    demand="each restarts itself once; D = 0",
    play=_restarted,
    short=Load(jobs=300, workers=1),
    long=Load(rounds=5, jobs=2_000, workers=3),
)
