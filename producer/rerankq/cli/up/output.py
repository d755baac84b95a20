"""One log of all parts: the name of the part stands before each line."""

import threading
from typing import Final

from rerankq.cli.terminal import put

_WIDTH: Final = len("gateway")
_one_at_a_time: Final = threading.Lock()


def show_line(name: str, line: str) -> None:
    """Print a line of a part; called by the threads that read the parts' output.

    Raises:
        OutputClosed, OutputFailed: stdout cannot be written any more.
    """
    with _one_at_a_time:
        put(f"{name:<{_WIDTH}} | {line}")
