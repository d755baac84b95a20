"""One log of all parts: the name of the part stands before each line, or in each JSON object."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import orjson

from rerankq.cli.terminal import put
from rerankq.monitoring.settings import LogFormat

_WIDTH: Final = len("gateway")
_one_at_a_time: Final = threading.Lock()


def shown_as(form: LogFormat) -> Callable[[str, str], None]:
    """The function that prints a line of a part; called by the threads that read their output.

    It raises OutputClosed or OutputFailed when stdout cannot be written any more.
    """
    return _show_json if form is LogFormat.JSON else _show_line


def _show_line(name: str, line: str) -> None:
    with _one_at_a_time:
        put(f"{name:<{_WIDTH}} | {line}")


def _show_json(name: str, line: str) -> None:
    if not line.startswith("{"):
        # Of a part that writes no JSON, such as Flower.
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        told = {"time": f"{moment}Z", "level": "info", "service": name, "message": line}
        line = orjson.dumps(told).decode()
    with _one_at_a_time:
        put(line)
