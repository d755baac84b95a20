"""`python -m chaos`: test every row of the fault table, and print a scorecard."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from chaos import page, scorecard, sitting
from chaos.catalogue import ROWS, row
from chaos.row import Row
from chaos.runner import Plan, run
from chaos.scorecard import Score
from chaos.sitting import Sitting


def main() -> int:
    """Run what the command line asks for.

    Returns 1 if a demand was not met, or if the time was over before all rounds were run: a part of
    the scorecard must not look like the whole.
    """
    arguments = _parser().parse_args()
    earlier = sitting.read(arguments.resume) if arguments.resume else []
    plan = Plan(
        rows=rows_left(arguments.rows, sitting.latest(earlier)),
        short=arguments.short,
        rounds=arguments.rounds,
        jobs=arguments.jobs,
        seed=arguments.seed,
        seconds=arguments.minutes * 60,
    )
    started = time.monotonic()
    played = Sitting.now(
        run(plan, _tell),
        seconds=time.monotonic() - started,
        machine=page.machine(),
        command=page.command_line(),
    )
    sittings = [*earlier, played]
    scores = _in_order(sittings)
    _tell("\n" + scorecard.table(scores))
    broken = scorecard.complaints(scores)
    if broken:
        _tell("\nnot met:\n" + broken)
    unplayed = scorecard.gaps(scores)
    if unplayed:
        _tell("\nnot played to the end, as the time was over:\n" + unplayed)
    if arguments.json:
        sitting.write(arguments.json, sittings)
    if arguments.page:
        page.write(arguments.page, scores, sittings)
    return 1 if broken or unplayed else 0


def rows_left(named: str, known: Mapping[str, Score]) -> list[Row]:
    """The rows that are asked for by name; else all that no earlier sitting has completed."""
    if named:
        return [row(name) for name in named.split(",")]
    return [each for each in ROWS if each.name not in known or not known[each.name].is_whole]


def _in_order(sittings: Sequence[Sitting]) -> list[Score]:
    """The last score of each row, in the order of the fault table."""
    scores = {score.row.name: score for score in sittings[-1].scores} | sitting.latest(sittings)
    return [scores[each.name] for each in ROWS if each.name in scores]


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument(
        "--rows", help=f"names, separated by commas: {', '.join(each.name for each in ROWS)}"
    )
    parser.add_argument("--short", action="store_true", help="the size of the test suite")
    parser.add_argument("--rounds", type=int, help="rounds of each row, instead of its own")
    parser.add_argument("--jobs", type=int, help="jobs a round, instead of each row's own")
    parser.add_argument("--seed", type=int, default=1, help="seed of all chance (1)")
    parser.add_argument(
        "--minutes", type=float, default=180, help="after this time no round begins (180)"
    )
    parser.add_argument("--json", type=Path, help="file to write everything to")
    parser.add_argument(
        "--resume",
        type=_existing,
        help="file of --json: rows that are complete there are kept, and only the others are run",
    )
    parser.add_argument("--page", type=Path, help="page whose scorecard is replaced")
    return parser


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {name}")
    return path


if __name__ == "__main__":
    sys.exit(main())
