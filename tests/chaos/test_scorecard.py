"""What a scorecard says about rows that were played, cut short or not played."""

from dataclasses import replace
from pathlib import Path

import pytest

from chaos import catalogue, scorecard, sitting
from chaos.__main__ import rows_left
from chaos.load import Load
from chaos.row import Arena, Report, Row
from chaos.runner import Plan, run
from chaos.scorecard import Score
from chaos.sitting import Sitting

HELD = Report(jobs=1)


def played(_arena: Arena) -> Report:
    """A round that holds."""
    return HELD


ROW = Row("a row", "none", "nothing", played, short=Load(), long=Load(rounds=2))


@pytest.mark.parametrize(
    ("reports", "failures", "skipped", "verdict", "is_whole"),
    [
        ([], [], "", "not played", False),
        ([HELD], [], "", "held, cut short", False),
        ([HELD, HELD], [], "", "held", True),
        ([HELD], ["OSError: no"], "", "BROKEN", True),
        ([Report(broken=["0 lost: 1 are"])], [], "", "BROKEN", False),
        ([], [], "no root", "skipped: no root", True),
    ],
)
def test_only_what_was_played_can_have_held(
    reports: list[Report], failures: list[str], skipped: str, verdict: str, *, is_whole: bool
) -> None:
    """A row that was not played has not held, and a row that was cut short is not whole."""
    score = Score(ROW, planned=2, reports=reports, failures=failures, skipped=skipped)
    assert (score.verdict, score.is_whole) == (verdict, is_whole)
    assert bool(scorecard.gaps([score])) is not is_whole


def test_every_row_has_its_line_when_the_time_is_over() -> None:
    """Rows for which there was no time are on the scorecard too, as not played."""
    scores = run(Plan([ROW, ROW], seconds=-1), lambda _: None)
    assert [score.verdict for score in scores] == ["not played"] * 2
    assert scorecard.gaps(scores) == "a row: 0 of 2 rounds\na row: 0 of 2 rounds"


def test_a_run_with_enough_time_is_whole() -> None:
    """If all rounds were played, there is no gap."""
    scores = run(Plan([ROW]), lambda _: None)
    assert scorecard.gaps(scores) == ""


def test_a_round_that_fails_says_so_at_once() -> None:
    """The line of a round that failed tells why, not how the round before it ended."""
    rounds = iter([HELD, None])

    def play(_arena: Arena) -> Report:
        report = next(rounds)
        if report is None:
            raise OSError("no disk")
        return report

    lines: list[str] = []
    run(Plan([replace(ROW, play=play)]), lines.append)
    assert lines[0].startswith("a row 1/2: jobs 1, lost 0")
    assert lines[1].startswith("a row 2/2: OSError: no disk")


def test_complete_rows_are_kept_in_a_later_sitting(tmp_path: Path) -> None:
    """A scorecard of several sittings has each row once, with its last score."""
    known = replace(catalogue.row("clock"), play=played)
    first = _sitting([Score(known, 1, [HELD]), Score(catalogue.row("blip"), 20, [HELD])])
    sitting.write(tmp_path / "all.json", [first])
    earlier = sitting.read(tmp_path / "all.json")
    assert [score.row.name for score in earlier[0].scores] == ["clock", "blip"]
    left = {each.name for each in rows_left("", sitting.latest(earlier))}
    assert "clock" not in left
    assert "blip" in left
    later = _sitting([Score(catalogue.row("blip"), 20, [HELD] * 20), Score(ROW, 1)])
    scores = sitting.latest([*earlier, later])
    assert {name: score.verdict for name, score in scores.items()} == {
        "clock": "held",
        "blip": "held",
    }


def _sitting(scores: list[Score]) -> Sitting:
    return Sitting.now(scores, seconds=1.0, machine={}, command="")
