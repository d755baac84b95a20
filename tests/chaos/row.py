"""A row of the fault table: the fault, the demands, and the report of a round."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from chaos.aftermath import Aftermath
from chaos.load import Load
from chaos.stage import Stage
from running.proxy import Proxy
from running.redis_server import RedisServer

REMARKS = 5


class Unavailable(Exception):
    """This machine lacks what the row needs; the message says what."""


@dataclass(slots=True)
class Report:
    """The result of a round.

    Attributes:
        repeats: D, calls that reached the upstream beyond one for each job.
        in_flight: F, calls in flight at the faults; None if a row has no such moment.
        recoveries: seconds from each fault to the first end of a job that was then in flight.
        figures: other figures of the row, by name.
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
        """Record the demand if it is not met."""
        if not met:
            self.broken.append(what)


@dataclass(frozen=True, slots=True)
class Arena:
    """What a round is given.

    Attributes:
        folder: an empty one, for all files.
        load: the size of the round.
        chance: random numbers; seeded, so that the round can be repeated.
        command: the command that starts a worker, if not the usual one.
    """

    folder: Path
    load: Load
    chance: Random
    command: tuple[str, ...] = ()

    def stage(self, **options: Any) -> Stage:
        """Redis, upstream, workers and producer; see `Stage`."""
        return Stage(self.folder, self.load, **({"command": self.command} | options))

    @contextmanager
    def proxied_stage(self, **options: Any) -> Iterator[tuple[Stage, list[Proxy]]]:
        """A stage where each worker reaches Redis by a proxy of its own; these in their order."""
        with ExitStack() as opened:
            proxies: list[Proxy] = []

            def address(redis: RedisServer) -> str:
                proxies.append(opened.enter_context(Proxy(redis.port)))
                return proxies[-1].url

            yield opened.enter_context(self.stage(redis_address=address, **options)), proxies


@dataclass(frozen=True, slots=True)
class Row:
    """A fault, the demand, and how it is tested.

    Attributes:
        name: on the command line.
        fault: what happens, in a few words.
        demand: what must hold, in addition to the demands of every row.
        play: plays one round.
        short: size in the test suite.
        long: size on the command line.
        recovery_p99: the most that the 99th percentile of all recoveries may be, in seconds.
    """

    name: str
    fault: str
    demand: str
    play: Callable[[Arena], Report]
    short: Load
    long: Load
    recovery_p99: float | None = None

    def sized(self, load: Load, rounds: int | None, jobs: int | None) -> Load:
        """The load, with the command line's numbers instead of its own."""
        return replace(load, rounds=rounds or load.rounds, jobs=jobs or load.jobs)


def strikes(arena: Arena, stage: Stage) -> Iterator[None]:
    """Wait for each of the random moments at which the fault happens in this round.

    They are counted in calls and not in seconds, so that they do not depend on the machine's speed.
    """
    for share in sorted(arena.chance.uniform(0.2, 0.7) for _ in range(stage.load.faults)):
        stage.called(max(1, int(share * stage.load.jobs)))
        yield


def demand_right_counts(report: Report, aftermath: Aftermath) -> None:
    """Demand that the calls which the ledger has counted are those that the upstream saw."""
    report.figures["uncertain calls"] = aftermath.counted.uncertain_calls
    wrong = aftermath.miscounted()
    report.demand(not wrong, f"calls are counted within their bound: {wrong}")


def report_on(
    aftermath: Aftermath,
    *,
    struck: Iterable[str] | None = None,
    spared: int = 0,
    may_restart: bool = False,
) -> Report:
    """A report that contains the demands of every row.

    Args:
        aftermath: the evidence.
        struck: the jobs in flight at the faults, each once for each fault; None if the row itself
            says what D may be.
        spared: how many accepted jobs may be lost by the row's own rules.
        may_restart: whether a worker may replace itself.
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
    """Seconds from each fault to the first end of a job that was in flight, if there was one."""
    found = (aftermath.recovery(at, struck) for at, struck in faults.items())
    return [seconds for seconds in found if seconds is not None]
