"""A line of the log: text for people, or JSON for machines."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson

from rerankq_worker.process.error_origin import origin

FIGURES: Final = "figures"
"""The attribute by which a record carries figures; such a line never counts as part of a burst."""


class Form(Protocol):
    """How a line looks."""

    def __call__(
        self, moment: float, level: int, said: str, figures: Mapping[str, Any] | None
    ) -> str:
        """The line, without its end.

        Args:
            moment: Unix time in seconds.
            level: as `logging` counts.
            said: one line of text.
            figures: the record's figures by name, if it has any.
        """
        ...


def text_form(lane: str) -> Form:
    """`2026-11-30T08:15:30.123+01:00 WARNING [bulk] what happened`.

    Args:
        lane: the lane that logs; empty for the process that supervises several lanes.
    """
    whose = f"[{lane}] " if lane else ""

    def form(
        moment: float,
        level: int,
        said: str,
        figures: Mapping[str, Any] | None,  # noqa: ARG001  the text has them
    ) -> str:
        when = datetime.fromtimestamp(moment, UTC).astimezone().isoformat(timespec="milliseconds")
        return f"{when} {logging.getLevelName(level)} {whose}{said}"

    return form


def json_form(lane: str) -> Form:
    """An object with `time`, `level`, `lane`, `message`, and `figures` where there are some."""

    def form(moment: float, level: int, said: str, figures: Mapping[str, Any] | None) -> str:
        line = {
            "time": datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds"),
            "level": logging.getLevelName(level).lower(),
            **({"lane": lane} if lane else {}),
            "message": said,
            **({FIGURES: figures} if figures else {}),
        }
        return orjson.dumps(line, default=str).decode()

    return form


def said(record: logging.LogRecord) -> str:
    """What a record says, on one line."""
    message = record.getMessage()
    if record.exc_info and record.exc_info[1]:
        # No traceback: its messages may hold a job's content.
        message += f" ({origin(record.exc_info[1])})"
    # Line breaks and escape sequences could make a terminal show a forged line.
    return "".join(each if each.isprintable() else " " for each in message)
