"""`python -m bench`: measure rerankq, the bare loop and the peers, and print tables."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Final

from bench import page
from bench.catalogue import SCENARIOS
from bench.processes import stay_aside
from bench.report import report
from bench.roster import present
from bench.runner import Plan, run

_BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}


def main() -> int:
    """Run what the command line asks for; returns 1 when an entry failed."""
    arguments = _parser().parse_args()
    names = arguments.scenarios.split(",") if arguments.scenarios else [*_BY_NAME]
    plan = Plan(
        scenarios=[_BY_NAME[name] for name in names],
        entries=present(arguments.peers, arguments.only),
        peers=arguments.peers,
        text=arguments.text,
        short=arguments.short,
        runs=arguments.runs or (1 if arguments.short else 3),
        jobs=arguments.jobs,
    )
    circumstances = page.circumstances()
    # When the harness is ended, it ends the processes that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    stay_aside()
    rows = run(plan, _note)
    text = page.heading(circumstances) + "\n\n" + report(rows)
    sys.stdout.write(text + "\n")
    if arguments.json:
        found = circumstances | {"rows": [row.as_json() for row in rows]}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    if arguments.page:
        page.write(arguments.page, text)
    return 1 if any(row.failure for row in rows) else 0


def _note(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--scenarios",
        help=f"names, separated by commas: {', '.join(_BY_NAME)}",
    )
    parser.add_argument("--only", default="", help="entries whose names have one of these texts")
    parser.add_argument(
        "--peers",
        type=Path,
        default=os.environ.get("PEERS") or None,
        help="folder with a virtualenv for each peer, as `make peers` makes it (PEERS)",
    )
    parser.add_argument("--text", type=Path, help="JSONL file with query and documents a line")
    parser.add_argument("--short", action="store_true", help="loads of a few seconds, one run")
    parser.add_argument("--runs", type=int, help="runs of each load; figures are medians (3)")
    parser.add_argument("--jobs", type=int, help="jobs of each load, instead of its own")
    parser.add_argument("--json", type=Path, help="file to write everything to")
    parser.add_argument("--page", type=Path, help="page whose results are replaced")
    return parser


if __name__ == "__main__":
    sys.exit(main())
