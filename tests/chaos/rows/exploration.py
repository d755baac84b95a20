"""Every order of calls to the ledger, up to a certain depth, for two jobs and two workers."""

from chaos.load import Load
from chaos.row import Arena, Report, Row
from running.exploration.ledger import Ledger
from running.exploration.search import Search
from running.exploration.world import Broken

ENDING_DEPTH = 4


def _exploration(arena: Arena) -> Report:
    report = Report(figures={"depth": arena.load.jobs})
    for kind, key in (("states", None), ("states under one key", "a key")):
        search = Search(Ledger(key), ENDING_DEPTH)
        try:
            search.go(arena.load.jobs)
        except Broken as fault:
            report.demand(met=False, what=f"the rules hold in every state: {fault}")
        report.figures[kind] = search.states
    return report


EXPLORATION = Row(
    name="exploration",
    fault="calls of the ledger in every order; hints, leases and answers are lost",
    demand="no accepted job is lost; each ends, once, and its end never changes",
    play=_exploration,
    # Here the number of jobs is the depth: one more takes six times as long.
    short=Load(jobs=4),
    long=Load(jobs=8),
)
