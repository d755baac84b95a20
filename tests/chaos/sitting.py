"""A sitting: one run of the suite. The suite takes hours, so a scorecard may have several."""

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from chaos.scorecard import Score


@dataclass(frozen=True, slots=True)
class Sitting:
    """One run of the suite.

    Attributes:
        date: when it ended.
        seconds: how long it took.
        commit: the short id of the commit; empty outside a checkout.
        machine: the machine.
        command: the command that started it.
        scores: the results.
    """

    date: datetime
    seconds: float
    commit: str
    machine: dict[str, Any]
    command: str
    scores: Sequence[Score]

    @classmethod
    def now(
        cls, scores: Sequence[Score], *, seconds: float, machine: dict[str, Any], command: str
    ) -> Self:
        """A sitting that has just ended."""
        return cls(datetime.now(UTC), seconds, _commit(), machine, command, scores)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(
            datetime.fromisoformat(told["date"]),
            told["seconds"],
            told.get("commit", ""),
            told["machine"],
            told["command"],
            [Score.from_json(each) for each in told["rows"]],
        )

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "date": self.date.isoformat(timespec="seconds"),
            "seconds": round(self.seconds),
            "commit": self.commit,
            "machine": self.machine,
            "command": self.command,
            "rows": [score.as_json() for score in self.scores],
        }


def read(path: Path) -> list[Sitting]:
    """The sittings in a file that `write` made."""
    return [Sitting.from_json(each) for each in json.loads(path.read_text("utf-8"))["sittings"]]


def write(path: Path, sittings: Iterable[Sitting]) -> None:
    """Write sittings to a file, for programs and for a run that resumes."""
    told = {"sittings": [each.as_json() for each in sittings]}
    path.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


def latest(sittings: Iterable[Sitting]) -> dict[str, Score]:
    """The last score of each row that was played, by name."""
    return {
        score.row.name: score
        for sitting in sittings
        for score in sitting.scores
        if score.was_played
    }


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()
