"""`python -m chaos`: put every row of the fault table to the test, and print a scorecard."""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from chaos import page, scorecard
from chaos.catalogue import ROWS, row
from chaos.runner import Plan, run


def main() -> int:
    """Run what the command line asks for.

    Returns 1 when a demand is broken, or when the time was over before all was played: what was
    not played has not held, and nobody should take a part of the scorecard for the whole.
    """
    arguments = _parser().parse_args()
    names = arguments.rows.split(",") if arguments.rows else [each.name for each in ROWS]
    plan = Plan(
        rows=[row(name) for name in names],
        short=arguments.short,
        rounds=arguments.rounds,
        jobs=arguments.jobs,
        seed=arguments.seed,
        seconds=arguments.minutes * 60,
    )
    started = time.monotonic()
    scores = run(plan, _tell)
    seconds = time.monotonic() - started
    _tell("\n" + scorecard.table(scores))
    broken = scorecard.complaints(scores)
    if broken:
        _tell("\nnot met:\n" + broken)
    unplayed = scorecard.gaps(scores)
    if unplayed:
        _tell("\nnot played to the end, as the time was over:\n" + unplayed)
    if arguments.json:
        found = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": page.machine(),
            "command": page.command_line(),
            "seconds": round(seconds),
            "rows": [score.as_json() for score in scores],
        }
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    if arguments.page:
        page.write(arguments.page, scores, seconds)
    return 1 if broken or unplayed else 0


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument(
        "--rows", help=f"names, separated by commas: {', '.join(each.name for each in ROWS)}"
    )
    parser.add_argument("--short", action="store_true", help="the size of the test suite")
    parser.add_argument("--rounds", type=int, help="rounds of each row, in place of its own")
    parser.add_argument("--jobs", type=int, help="jobs a round, in place of each row's own")
    parser.add_argument("--seed", type=int, default=1, help="seed of all chance (1)")
    parser.add_argument(
        "--minutes", type=float, default=180, help="no round begins after so long (180)"
    )
    parser.add_argument("--json", type=Path, help="file to write everything to")
    parser.add_argument("--page", type=Path, help="page whose scorecard to write anew")
    return parser


if __name__ == "__main__":
    sys.exit(main())
