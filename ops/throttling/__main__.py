"""`python -m throttling`: whether limits are used in full and kept, beside Celery alone."""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Final

from redis.exceptions import RedisError

from bench import page
from throttling.entrants import OURS, Entrant
from throttling.figures import Row
from throttling.report import report
from throttling.scenario import Scenario
from throttling.scenarios import SCENARIOS

BEGIN: Final = page.BEGIN.replace("bench", "throttling")
_BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}


def main() -> int:
    """Run what the command line asks for; returns 1 when rerankq missed a target."""
    arguments = _parser().parse_args()
    names = arguments.scenarios.split(",") if arguments.scenarios else [*_BY_NAME]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    rows = []
    for scenario in (_BY_NAME[name] for name in names):
        for entrant in scenario.entrants[: 1 if arguments.alone else None]:
            rows.append(_row(scenario, entrant, arguments.seconds))
            sys.stderr.write(report(rows[-1:]).splitlines()[-1] + "\n")
    circumstances = page.circumstances("throttling")
    text = page.heading(circumstances) + "\n\n" + report(rows)
    sys.stdout.write(text + "\n")
    if arguments.json:
        found = circumstances | {"rows": [row.as_json() for row in rows]}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    if arguments.page:
        page.write(arguments.page, text, BEGIN)
    return 0 if all(row.met for row in rows if row.decides) else 1


def _row(scenario: Scenario, entrant: Entrant, seconds: float) -> Row:
    try:
        return scenario.run(entrant, seconds)
    except (AssertionError, OSError, RedisError) as failure:
        # If one fails, the others still run.
        said = f"{type(failure).__name__}: {str(failure).splitlines()[0]}"
        return Row(scenario.name, entrant.name, decides=entrant is OURS, failure=said)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m throttling", description=__doc__)
    parser.add_argument("--scenarios", help=f"separated by commas: {', '.join(_BY_NAME)}")
    parser.add_argument("--seconds", type=float, default=300, help="length of a scenario (300)")
    parser.add_argument("--alone", action="store_true", help="rerankq only")
    parser.add_argument("--json", type=Path, help="file to write everything to")
    parser.add_argument("--page", type=Path, help="page whose results are replaced")
    return parser


if __name__ == "__main__":
    sys.exit(main())
