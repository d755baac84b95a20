"""`rerankq` with protections switched off: `python saboteur.py NAME[,NAME] worker --lane bulk`.

The processes that `rerankq worker` starts for its lanes are started by this file too.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parents[1]
MODULE = ["-P", "-m", "rerankq.cli"]


def command(*names: str) -> tuple[str, ...]:
    """The command that runs `rerankq` with the named protections switched off."""
    return sys.executable, str(Path(__file__)), ",".join(names) or "none"


def main() -> int:
    """Switch off what the first argument names, then run `rerankq` with the other arguments."""
    names, *arguments = sys.argv[1:]
    sys.path.insert(0, str(TESTS))
    from chaos.sabotage import SABOTAGES  # noqa: PLC0415  found only now
    from rerankq.cli.main import run  # noqa: PLC0415

    for name in names.split(","):
        SABOTAGES[name]()
    if arguments[: len(MODULE)] == MODULE:
        arguments = arguments[len(MODULE) :]
    if arguments[:1] == [str(Path(__file__))]:
        # A worker that replaces itself starts this file again, with the arguments from before.
        arguments = arguments[2:]
    with _interpreter_of_children(command(names)):
        return run(arguments)


@contextmanager
def _interpreter_of_children(call: tuple[str, ...]) -> Iterator[None]:
    # `rerankq worker` starts its lanes by sys.executable: make that start this file.
    with TemporaryDirectory(prefix="saboteur-") as folder:
        shim = Path(folder) / "python"
        shim.write_text(f'#!/bin/sh\nexec {join(call)} "$@"\n')
        shim.chmod(0o700)
        sys.executable = str(shim)
        yield


if __name__ == "__main__":
    sys.exit(main())
