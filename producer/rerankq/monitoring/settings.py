"""Settings of rerankq's own processes, such as workers and gateways, beside those of a producer."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from rerankq.settings import ClientSettings


class LogLevel(StrEnum):
    """Lines below this level are not written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line of the log looks."""

    PRETTY = "pretty"
    JSON = "json"


_EARLIER_NAMES: Final[dict[object, object]] = {"text": LogFormat.PRETTY}


class ProcessSettings(ClientSettings):
    """What each process of rerankq's own can be told about its log and its traces."""

    log_level: LogLevel = Field(
        default=LogLevel.INFO, description="From which level on lines are written to stderr."
    )
    log_format: Annotated[
        LogFormat, BeforeValidator(lambda name: _EARLIER_NAMES.get(name, name))
    ] = Field(default=LogFormat.PRETTY, description="pretty for people, or json for machines.")
    traces: bool | None = Field(
        default=None,
        description="Whether traces are sent; when unset, if an OTEL_… variable says where to.",
    )
