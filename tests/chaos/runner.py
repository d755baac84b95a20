"""Plays rows round by round, within a limit of time."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import mkdtemp

from chaos.load import Load
from chaos.row import Arena, Row, Unavailable
from chaos.scorecard import Score


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        rows: the rows, in order.
        short: whether to use the rows' short size.
        rounds: rounds of each row, instead of its own number.
        jobs: jobs a round, instead of the row's own number.
        seed: seed of all random numbers.
        seconds: after this time no round begins.
    """

    rows: Sequence[Row]
    short: bool = False
    rounds: int | None = None
    jobs: int | None = None
    seed: int = 1
    seconds: float = 3 * 3600.0

    def load(self, row: Row) -> Load:
        """The size of a row."""
        return row.sized(row.short if self.short else row.long, self.rounds, self.jobs)


def run(plan: Plan, tell: Callable[[str], None]) -> list[Score]:
    """Play all rows; if a round fails, that is told, and the next round begins.

    Every row has a score, also a row for which there was no time.
    """
    until = time.monotonic() + plan.seconds
    scores = [Score(row, planned=plan.load(row).rounds) for row in plan.rows]
    for score in scores:
        row, load = score.row, plan.load(score.row)
        for number in range(load.rounds):
            if time.monotonic() > until:
                tell("the time is over: no further round begins")
                return scores
            failed = len(score.failures)
            _play(score, load, Random(f"{plan.seed} {row.name} {number}"))  # noqa: S311  repeatable
            tell(_line(score, score.failures[failed:]))
            if score.skipped:
                break
    return scores


def _play(score: Score, load: Load, chance: Random) -> None:
    folder = Path(mkdtemp(prefix=f"chaos-{score.row.name}-"))
    try:
        report = score.row.play(Arena(folder, load, chance))
    except Unavailable as lack:
        score.skipped = str(lack)
    except Exception as error:  # noqa: BLE001  one round's failure must not cost the others
        score.failures.append(f"{type(error).__name__}: {error} (see {folder})")
        return
    else:
        score.reports.append(report)
        if report.broken:
            report.broken.append(f"the evidence is in {folder}")
            return
    # The folder is kept only if the round broke a demand or failed.
    shutil.rmtree(folder, ignore_errors=True)


def _line(score: Score, failures: Sequence[str]) -> str:
    """How the last round ended; `failures` are its own."""
    done = len(score.reports) + len(score.failures)
    last = "".join(failures)
    if score.reports and not failures:
        report = score.reports[-1]
        last = (
            f"jobs {report.jobs}, lost {report.lost}, stuck {report.stuck}, wrong {report.wrong}, "
            f"D {report.repeats}" + "".join(f"\n    BROKEN {what}" for what in report.broken)
        )
    return f"{score.row.name} {done}/{score.planned}: {score.skipped or last}"
