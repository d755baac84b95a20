"""A row of the fault table: what is done, what is demanded, and what came of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from chaos.aftermath import Aftermath
from chaos.load import Load
from chaos.stage import Stage

REMARKS = 5


class Unavailable(Exception):
    """This machine lacks what the row needs; the message says what."""


@dataclass(slots=True)
class Report:
    """What a round came to.

    Attributes:
        repeats: D, calls that reached the upstream beyond one a job.
        in_flight: F, calls in flight at the faults; None where a row has no such moment.
        recoveries: seconds from each fault to the first end of a job that it struck.
        figures: what else the row measures, by name.
        broken: demands that were not met.
    """

    jobs: int = 0
    lost: int = 0
    stuck: int = 0
    wrong: int = 0
    repeats: int = 0
    in_flight: int | None = None
    recoveries: list[float] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def demand(self, met: bool, what: str) -> None:  # noqa: FBT001  reads as a sentence
        """Note a demand that is not met."""
        if not met:
            self.broken.append(what)


@dataclass(frozen=True, slots=True)
class Arena:
    """What a round is given.

    Attributes:
        folder: an empty one, for all files.
        load: how hard to drive.
        chance: seeded, so that the round can be had again.
        command: how to call `rerankq` for the workers; the usual way when empty.
    """

    folder: Path
    load: Load
    chance: Random
    command: tuple[str, ...] = ()

    def stage(self, **options: Any) -> Stage:
        """Redis, upstream, workers and producer; see `Stage`."""
        return Stage(self.folder, self.load, **({"command": self.command} | options))


@dataclass(frozen=True, slots=True)
class Row:
    """A fault, the demand, and how to put it to the test.

    Attributes:
        name: on the command line.
        fault: what is done, in a few words.
        demand: what must hold, beside the demands on every row.
        play: one round.
        short: size in the test suite.
        long: size on the command line.
        recovery_p99: most seconds to the first recovered job, over all rounds.
    """

    name: str
    fault: str
    demand: str
    play: Callable[[Arena], Report]
    short: Load
    long: Load
    recovery_p99: float | None = None

    def sized(self, load: Load, rounds: int | None, jobs: int | None) -> Load:
        """The load, with numbers from the command line in place of its own."""
        return replace(load, rounds=rounds or load.rounds, jobs=jobs or load.jobs)


def strikes(arena: Arena, stage: Stage) -> Iterator[None]:
    """Wait for each of the random moments at which the fault is to strike in this round.

    They are counted in calls and not in seconds, so that a slow machine is struck as a fast one.
    """
    for share in sorted(arena.chance.uniform(0.2, 0.7) for _ in range(stage.load.faults)):
        stage.called(max(1, int(share * stage.load.jobs)))
        yield


def report_on(
    aftermath: Aftermath,
    *,
    struck: Iterable[str] | None = None,
    spared: int = 0,
    may_restart: bool = False,
) -> Report:
    """A report with the demands that every row makes.

    Args:
        aftermath: the evidence.
        struck: the jobs in flight at the faults, each as often as a fault struck it; None where
            the row says itself what D may be.
        spared: accepted jobs that may be lost by the row's own rules.
        may_restart: whether a worker may be started anew in its place.
    """
    verdict = aftermath.verdict
    report = Report(
        jobs=verdict.jobs,
        lost=verdict.lost,
        stuck=verdict.stuck,
        wrong=verdict.wrong,
        repeats=aftermath.repeats().total(),
    )
    why = "; ".join(verdict.remarks[:REMARKS])
    report.demand(verdict.lost <= spared, f"0 lost: {verdict.lost} are")
    report.demand(verdict.stuck == 0, f"0 stuck: {verdict.stuck} are ({why})")
    report.demand(verdict.wrong == 0, f"0 wrong: {verdict.wrong} are ({why})")
    codes = [code for code in aftermath.exit_codes if code]
    report.demand(not codes, f"exit code 0: {codes}")
    if may_restart:
        report.figures["restarts"] = sum(aftermath.restarts)
    else:
        report.demand(not any(aftermath.restarts), f"0 restarts: {list(aftermath.restarts)}")
    if struck is not None:
        report.in_flight = len(list(struck))
        report.demand(
            report.repeats <= report.in_flight,
            f"D <= F: D = {report.repeats}, F = {report.in_flight}",
        )
    return report


def recoveries(aftermath: Aftermath, faults: Mapping[float, set[str]]) -> list[float]:
    """Seconds from each fault to the first end of a job that it struck; none for a lucky one."""
    found = (aftermath.recovery(at, struck) for at, struck in faults.items())
    return [seconds for seconds in found if seconds is not None]
