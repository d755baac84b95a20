"""The entry point: Ctrl-C while the command line is being imported shows no traceback."""

import sys
from typing import Final

INTERRUPTED: Final = 130
"""Equal to `ExitCode.INTERRUPTED`, whose module is not imported yet."""


def main() -> None:
    """Import the command line and run it."""
    try:
        from rerankq.cli.main import main as run  # noqa: PLC0415  see above
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()
