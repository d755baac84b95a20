"""The way in: an interruption while the command line is still being imported is no traceback."""

import sys
from typing import Final

INTERRUPTED: Final = 130
"""As `ExitCode.INTERRUPTED`, whose module is not imported yet."""


def main() -> None:
    """Import the command line and run it."""
    try:
        from rerankq.cli.main import main as run  # noqa: PLC0415  see above
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()
