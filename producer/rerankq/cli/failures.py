"""Errors of the command line itself, and the exit code of every error."""

from enum import IntEnum
from typing import Final

from rerankq import errors


class ExitCode(IntEnum):
    """The exit codes of the process."""

    DONE = 0
    NO_RANKING = 1
    UNUSABLE = 2
    UNFORESEEN = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class CommandError(errors.RerankqError):
    """The command cannot go on: something is wrong with a file, an option or a program."""

    code = "command_error"


class InputBroken(CommandError):
    """A compressed input cannot be unpacked any further: it is damaged, or ends too early."""

    code = "input_broken"


class OutputFailed(CommandError):
    """The output cannot be written: the disk is full, for example."""

    code = "output_failed"


class OutputClosed(CommandError):
    """The reader of the output has gone: nothing more is printed."""

    code = "output_closed"


_ABOUT_JOBS: Final = (
    errors.JobEnded,
    errors.JobNotFound,
    errors.BatchNotFound,
    errors.BatchClosed,
    errors.ResultExpired,
    errors.ResultTimeout,
)


def exit_code(error: errors.RerankqError) -> ExitCode:
    """The exit code for an error."""
    if isinstance(error, OutputClosed):
        return ExitCode.BROKEN_PIPE
    return ExitCode.NO_RANKING if isinstance(error, _ABOUT_JOBS) else ExitCode.UNUSABLE
