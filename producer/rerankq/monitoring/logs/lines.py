"""A line of the log: text for people, or JSON for machines."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

import orjson

from rerankq.error_origin import origin

_MILLISECONDS: Final = "milliseconds"


class Line(NamedTuple):
    """What a line says, before it has its look.

    Attributes:
        level: as `logging` counts.
        said: one line of text.
        logger: name of the logger.
        fields: the fields of a JSON line.
    """

    level: int
    said: str
    logger: str
    fields: Mapping[str, Any]


class Form(Protocol):
    """How a line looks."""

    @property
    def has_fields(self) -> bool:
        """Whether it shows fields; they are not looked up for a form without them."""

    def __call__(self, moment: float, line: Line) -> str:
        """The line, without its end.

        Args:
            moment: Unix time in seconds.
            line: what it says.
        """


class PrettyForm:
    """`2026-11-30T08:15:30.123+01:00 WARNING [bulk] what happened`.

    Args:
        whose: the lane or the service that logs; may be empty.
    """

    has_fields = False

    def __init__(self, whose: str) -> None:
        self._whose = f"[{whose}] " if whose else ""

    def __call__(self, moment: float, line: Line) -> str:
        """See `Form`."""
        when = datetime.fromtimestamp(moment, UTC).astimezone().isoformat(timespec=_MILLISECONDS)
        return f"{when} {logging.getLevelName(line.level)} {self._whose}{line.said}"


class JsonForm:
    """An object with `time`, `level`, `logger`, `message`, and the fields of process and record.

    Args:
        fields: of the process: `service`, and its lane.
    """

    has_fields = True

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {name: value for name, value in fields.items() if value}

    def __call__(self, moment: float, line: Line) -> str:
        """See `Form`."""
        when = datetime.fromtimestamp(moment, UTC).isoformat(timespec=_MILLISECONDS)
        told = {
            "time": f"{when.removesuffix('+00:00')}Z",
            "level": logging.getLevelName(line.level).lower(),
            "logger": line.logger,
            "message": line.said,
            **self._fields,
            **line.fields,
        }
        return orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def said(record: logging.LogRecord) -> str:
    """What a record says, on one line."""
    message = record.getMessage()
    if record.exc_info and record.exc_info[1]:
        # No traceback: its messages may hold a job's content.
        message = f"{message.rstrip()} ({origin(record.exc_info[1])})"
    if message.isprintable():
        return message
    # Line breaks and escape sequences could make a terminal show a forged line.
    return "".join(each if each.isprintable() else " " for each in message)
