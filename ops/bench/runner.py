"""Runs scenarios, each with all entries in turn, and takes the medians."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from subprocess import TimeoutExpired
from typing import Final

from redis.exceptions import RedisError

from bench.arena import Arena, BenchError
from bench.load import Load
from bench.roster import Entry
from bench.scenario import Figures, Row, Scenario

FAILURES: Final = (BenchError, RedisError, OSError, TimeoutExpired)
"""Failures of one entry, after which the other entries still run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        scenarios: in order.
        entries: what is measured.
        peers: folder with the peers' virtualenvs, if there are any.
        text: JSONL file for loads of real text; they are left out when None.
        short: whether loads are the short ones.
        runs: of each load; figures are medians.
        jobs: number of jobs in each load, instead of the load's own.
    """

    scenarios: Sequence[Scenario]
    entries: Sequence[Entry]
    peers: Path | None = None
    text: Path | None = None
    short: bool = False
    runs: int = 3
    jobs: int | None = None

    def loads(self, scenario: Scenario) -> list[Load]:
        """The loads of a scenario that can be run here."""
        loads = scenario.short if self.short else scenario.long
        text = str(self.text.resolve()) if self.text else ""
        return [
            replace(load, shape=load.shape or text, jobs=self.jobs or load.jobs)
            for load in loads
            if load.shape or text
        ]


def run(plan: Plan, tell: Callable[[str], None]) -> list[Row]:
    """Run everything; an entry that fails is named, and the others continue."""
    rows = []
    with Arena(plan.peers) as arena:
        for scenario in plan.scenarios:
            for load in plan.loads(scenario):
                found = [
                    Row(scenario.name, load, each)
                    for each in plan.entries
                    if scenario.takes(each, load)
                ]
                for _ in range(min(plan.runs, scenario.most_runs)):
                    # Entries take turns, so that a noisy minute affects all of them.
                    for row in found:
                        _play(arena, scenario, row)
                        tell(_line(row))
                rows += found
    return rows


def _play(arena: Arena, scenario: Scenario, row: Row) -> None:
    if row.failure:
        return
    try:
        arena.begin(row.load)
        row.runs.append(scenario.measure(arena, row.entry))
    except FAILURES as failure:
        row.failure = f"{type(failure).__name__}: {failure}"
    if row.runs:
        row.figures = _medians(row.runs)


def _medians(runs: Sequence[Figures]) -> dict[str, float]:
    return {name: median(run[name] for run in runs) for name in runs[0]}


def _line(row: Row) -> str:
    said = row.failure or "  ".join(f"{name} {value:.4g}" for name, value in row.runs[-1].items())
    return " ".join(filter(None, (row.scenario, row.load.label))) + f", {row.entry.name}: {said}"
