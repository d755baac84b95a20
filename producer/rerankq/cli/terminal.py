"""Writes lines for the user: results to stdout, messages to stderr.

They may hold any text: a caller's names, an upstream's messages, names of files. So everything that
goes to a terminal passes `printable`, which leaves no character that could control it.
"""

import contextlib
import errno
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Final

from rerankq.cli.failures import OutputClosed, OutputFailed


def tell(line: str) -> None:
    """Write one line to stderr; a closed stderr is not an error."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(printable(line) + "\n")
        sys.stderr.flush()


def put(text: str) -> None:
    """Write a line to stdout, and flush it.

    Raises:
        OutputClosed, OutputFailed: stdout cannot be written.
    """
    with stdout_checked():
        sys.stdout.write(printable(text) + "\n")
        sys.stdout.flush()


def put_json(encoded: bytes) -> None:
    """Write JSON to stdout, always in UTF-8.

    Raises:
        OutputClosed, OutputFailed: stdout cannot be written.
    """
    line = inert_json(encoded.rstrip(b"\n")) + b"\n"
    with stdout_checked():
        sys.stdout.flush()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.buffer.write(line)
        else:  # a caller in this process has replaced stdout by a stream for text only
            sys.stdout.write(line.decode())
        sys.stdout.flush()


@contextlib.contextmanager
def stdout_checked() -> Iterator[None]:
    """While entered, errors of stdout become ours.

    Raises:
        OutputClosed: its reader has gone.
        OutputFailed: it is closed, or the disk is full, for example.
    """
    try:
        yield
    except BrokenPipeError:
        raise OutputClosed("nobody reads stdout any more") from None
    except OSError as error:
        raise output_failed(error) from None


def output_failed(error: OSError) -> OutputFailed:
    """The error to raise when stdout cannot be written."""
    fault = "it is closed" if error.errno == errno.EBADF else error.strerror
    return OutputFailed(f"cannot write stdout: {fault}")


def inert_json(encoded: bytes) -> bytes:
    """The same JSON, with an escape for each character that could control a terminal."""
    return _NOT_PLAIN.sub(_escaped, encoded.decode()).encode()


_NOT_PLAIN: Final = re.compile(r"[^\n -~]")


def _escaped(found: re.Match[str]) -> str:
    # In JSON such characters are only in strings, where an escape means the same.
    character = found[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]


class LenientStderr(io.TextIOBase):
    """stderr for a progress bar: a closed terminal is not an error."""

    def __init__(self) -> None:
        super().__init__()
        # The present stderr: while a bar is shown, rich replaces it, and passes lines on to this.
        self._stream = sys.stderr

    def write(self, text: str, /) -> int:
        """Write, if the terminal is open."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if the terminal is open."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Its descriptor, which is used to ask for the terminal's size."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Its encoding."""
        return self._stream.encoding


def silence_stdout() -> None:
    """Redirect a stdout without a reader to the null device: the exit would fail to flush it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def printable(text: str) -> str:
    """The text on one line, without characters that could control a terminal."""
    return "".join(each if each.isprintable() else " " for each in text)
