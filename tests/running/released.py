"""The released 0.1 in an environment of its own, which `make released` makes: for upgrades."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from running.must_play import skip_or_fail
from running.worker import RunningWorker, clean_environment

FOLDER: Final = Path(__file__).parents[2] / ".make" / "released"
SECONDS: Final = 120


def released(program: str) -> str:
    """Where a program of that environment is; the test is skipped when there is none."""
    if not (FOLDER / ".complete").exists():
        skip_or_fail("released", "`make released` was not run")
    return str(FOLDER / "bin" / program)


class ReleasedWorker(RunningWorker):
    """A worker of 0.1; see `RunningWorker`."""

    def __init__(self, redis_url: str, upstream_url: str, folder: Path, **settings: Any) -> None:
        super().__init__(
            redis_url,
            upstream_url,
            folder,
            command=(released("rerankq"),),
            # There was no such setting, and a name that it does not know is an error.
            environment={"RERANKQ_SCORE_CHECK_SECONDS": ""},
            **settings,
        )


def run_released(program: Path, *arguments: str, given: object = None) -> Any:
    """Run a program with the client of 0.1; it reads and writes JSON."""
    done = subprocess.run(
        [released("python"), str(program), *arguments],
        env=clean_environment(),
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
