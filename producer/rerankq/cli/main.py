"""`rerankq`: the one error boundary of the command line.

Every error becomes one line on stderr and an exit code; a traceback is shown only with
RERANKQ_DEBUG.
"""

import errno
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

import typer
from pydantic import ValidationError

from rerankq.cli.commands import build
from rerankq.cli.failures import ExitCode, OutputClosed, OutputFailed, exit_code
from rerankq.cli.settings import ENV_FILE
from rerankq.cli.standard_streams import drop_unwritable, secure_streams
from rerankq.cli.terminal import output_failed, silence_stdout, stdout_checked, tell
from rerankq.errors import RerankqError
from rerankq.invalid_input import in_plain_words
from rerankq.variables import read_one


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    secure_streams()
    code = run(sys.argv[1:])
    drop_unwritable()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command; returns its exit code."""
    try:
        answer = build().main(list(arguments), prog_name="rerankq", standalone_mode=False)
        # Not left to the interpreter's exit, which is too late to notice that the reader has gone.
        with stdout_checked():
            sys.stdout.flush()
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  the error boundary
        code, said = _verdict(error)
        if isinstance(error, OSError | OutputClosed | OutputFailed):
            silence_stdout()
        if said:
            tell(f"rerankq: {said}")
        if _debugging():
            traceback.print_exception(error)
        return code
    return answer if isinstance(answer, int) else ExitCode.DONE


def _debugging() -> bool:
    with suppress(RerankqError):  # a file that cannot be read was reported already
        return read_one("RERANKQ_DEBUG", env_file=ENV_FILE) not in {"", "0"}
    return False


def _verdict(error: BaseException) -> tuple[ExitCode, str]:
    match error:
        case BrokenPipeError() | OutputClosed():
            verdict = ExitCode.BROKEN_PIPE, ""
        case KeyboardInterrupt() | typer.Abort():
            verdict = ExitCode.INTERRUPTED, "interrupted"
        case RerankqError():
            verdict = exit_code(error), str(error)
        case typer.TyperException():
            verdict = ExitCode.UNUSABLE, _misused(error)
        case OSError(errno=errno.EBADF | errno.ENOSPC | errno.EDQUOT | errno.EFBIG | errno.EIO):
            # Commands handle errors of their own files: this one is from printing the help.
            verdict = ExitCode.UNUSABLE, str(output_failed(error))
        case OSError():
            verdict = ExitCode.UNUSABLE, error.strerror or type(error).__name__
        case _:
            # Only the name of its type, because its text may quote a document.
            said = f"unforeseen {type(error).__name__}: set RERANKQ_DEBUG=1 to see where"
            verdict = ExitCode.UNFORESEEN, said
    return verdict


def _misused(error: typer.TyperException) -> str:
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""  # the help was the message
    message = error.format_message().rstrip(".").replace("Value error, ", "")
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ValidationError):
        fault = cause.errors(include_url=False)[0]
        message = message.replace(fault["msg"], in_plain_words(fault))
    context = getattr(error, "ctx", None)
    advice = f" (see {context.command_path} --help)" if context else ""
    return f"{message[:1].lower()}{message[1:]}{advice}"
