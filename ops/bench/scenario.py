"""What a scenario is: a measurement, its sizes and its figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bench.arena import Arena
from bench.load import Load
from bench.roster import LOOPS, Entry, Kind

Figures = Mapping[str, float]

EVERYBODY: Final = frozenset(Kind)
QUEUES: Final = EVERYBODY - LOOPS
OURS_ALONE: Final = frozenset({Kind.OURS})


@dataclass(frozen=True, slots=True)
class Column:
    """A figure in a table.

    Attributes:
        higher_is_better: None for a figure that is not compared.
    """

    figure: str
    heading: str
    digits: int = 0
    higher_is_better: bool | None = None


@dataclass(frozen=True)
class Scenario:
    """A measurement.

    Attributes:
        name: on the command line.
        about: what is measured, in a sentence.
        measure: makes one run for one entry; `Arena.begin` comes before it.
        short: loads of a few seconds each.
        long: the loads of the published figures.
        columns: the figures.
        kinds: the kinds of entry that take part.
        most_runs: runs of a load at most; a long scenario needs only one.
    """

    name: str
    about: str
    measure: Callable[[Arena, Entry], Figures]
    short: tuple[Load, ...]
    long: tuple[Load, ...]
    columns: tuple[Column, ...]
    kinds: frozenset[Kind] = EVERYBODY
    most_runs: int = 99

    def takes(self, entry: Entry, load: Load) -> bool:
        """Whether the entry takes part."""
        wanted = entry.kind in self.kinds and (not entry.only or self.name in entry.only)
        return wanted and load.in_flight <= entry.most_in_flight


@dataclass(slots=True)
class Row:
    """The result of an entry's runs of a scenario: the median of each figure."""

    scenario: str
    load: Load
    entry: Entry
    figures: dict[str, float] = field(default_factory=dict)
    runs: list[Figures] = field(default_factory=list)
    failure: str = ""

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "scenario": self.scenario,
            "load": self.load.label,
            "jobs": self.load.jobs,
            "entry": self.entry.name,
            "kind": self.entry.kind,
            "figures": self.figures,
            "runs": [dict(run) for run in self.runs],
            "failure": self.failure,
        }
