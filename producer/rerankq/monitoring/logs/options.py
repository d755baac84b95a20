"""`--log-level` and `--log-format`, the same for each command that runs for long."""

import os
from typing import Annotated

import typer

from rerankq.monitoring.settings import LogFormat, LogLevel

LevelOption = Annotated[
    LogLevel | None,
    typer.Option(help="Log from this level on; in place of RERANKQ_LOG_LEVEL."),
]
FormatOption = Annotated[
    LogFormat | None,
    typer.Option(help="Lines for people, or for machines; in place of RERANKQ_LOG_FORMAT."),
]


def prefer(level: LogLevel | None, form: LogFormat | None) -> None:
    """Let these win over the environment, also in the processes that this one starts."""
    if level:
        os.environ["RERANKQ_LOG_LEVEL"] = level.value
    if form:
        os.environ["RERANKQ_LOG_FORMAT"] = form.value
