"""Errors of the command line itself, and the exit code of every error."""

from enum import IntEnum
from typing import Final

from rerankq import errors


class ExitCode(IntEnum):
    """What the process says when it ends."""

    DONE = 0
    NO_RANKING = 1
    UNUSABLE = 2
    UNFORESEEN = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class CommandError(errors.RerankqError):
    """The command cannot go on: a file, an option or a program it needs is not as it must be."""

    code = "command_error"


class InputBroken(CommandError):
    """A compressed input cannot be unpacked any further: it is damaged, or ends too early."""

    code = "input_broken"


class OutputFailed(CommandError):
    """The output takes no more: the disk is full, or the like."""

    code = "output_failed"


class OutputClosed(CommandError):
    """Whoever read our output has gone: nothing is left to be said."""

    code = "output_closed"


_ABOUT_JOBS: Final = (
    errors.JobEnded,
    errors.JobNotFound,
    errors.BatchNotFound,
    errors.ResultExpired,
    errors.ResultTimeout,
)


def exit_code(error: errors.RerankqError) -> ExitCode:
    """The exit code for an error."""
    if isinstance(error, OutputClosed):
        return ExitCode.BROKEN_PIPE
    return ExitCode.NO_RANKING if isinstance(error, _ABOUT_JOBS) else ExitCode.UNUSABLE
