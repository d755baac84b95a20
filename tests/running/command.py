"""The installed `rerankq`, as a user types it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from running.waiting import eventually
from running.worker import clean_environment

BIN = Path(os.environ.get("RERANKQ_TEST_BIN") or Path(sys.executable).parent)
"""Where `rerankq` is installed; `make test` sets it to the environment of the built wheel."""
RERANKQ = str(BIN / "rerankq")


def rerankq(
    *arguments: str,
    seconds: float = 90,
    given: str | None = None,
    cwd: Path | None = None,
    **settings: str,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in the folder `cwd`; `settings` are environment variables."""
    return subprocess.run(
        [RERANKQ, *arguments],
        env=clean_environment() | settings,
        input=given,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@contextmanager
def sandbox_process(folder: Path, *arguments: str) -> Iterator[str]:
    """`rerankq sandbox` in a process of its own; yields its address."""
    out = folder / "sandbox.out"
    with out.open("wb") as output:
        process = subprocess.Popen(
            [RERANKQ, "sandbox", "--port", "0", "--scorer", "bigram", *arguments],
            env=clean_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        found = eventually(
            lambda: re.search(r"listening on (\S+)", out.read_text()), "the sandbox listens"
        )
        yield found[1]
    finally:
        process.terminate()
        process.wait(30)
