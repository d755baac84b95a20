"""Where lines for the user go: results to stdout, everything about them to stderr.

What they hold may come from anywhere: a caller's own names, an upstream's words, names of files. So
nothing reaches a terminal but by `printable`, which leaves no character that could steer it.
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
    """Say one line on stderr; a closed stderr is nobody's failure."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(printable(line) + "\n")
        sys.stderr.flush()


def put(text: str) -> None:
    """Write a line to stdout, through to the system.

    Raises:
        OutputClosed, OutputFailed: it takes no more.
    """
    with stdout_checked():
        sys.stdout.write(printable(text) + "\n")
        sys.stdout.flush()


def put_json(encoded: bytes) -> None:
    """Write JSON to stdout: in UTF-8, whatever the terminal takes.

    Raises:
        OutputClosed, OutputFailed: it takes no more.
    """
    line = inert_json(encoded.rstrip(b"\n")) + b"\n"
    with stdout_checked():
        sys.stdout.flush()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.buffer.write(line)
        else:  # whoever called us in this process has put something of text alone in its place
            sys.stdout.write(line.decode())
        sys.stdout.flush()


@contextlib.contextmanager
def stdout_checked() -> Iterator[None]:
    """While entered, a stdout that takes no more is an error of our own.

    Raises:
        OutputClosed: its reader has gone.
        OutputFailed: it is closed, the disk is full, or the like.
    """
    try:
        yield
    except BrokenPipeError:
        raise OutputClosed("nobody reads stdout any more") from None
    except OSError as error:
        raise output_failed(error) from None


def output_failed(error: OSError) -> OutputFailed:
    """What to raise where stdout has taken no more."""
    fault = "it is closed" if error.errno == errno.EBADF else error.strerror
    return OutputFailed(f"cannot write stdout: {fault}")


def inert_json(encoded: bytes) -> bytes:
    """The same JSON, with an escape for each character that could steer a terminal."""
    return _NOT_PLAIN.sub(_escaped, encoded.decode()).encode()


_NOT_PLAIN: Final = re.compile(r"[^\n -~]")


def _escaped(found: re.Match[str]) -> str:
    # In JSON such characters stand in strings alone, where an escape says the same.
    character = found[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]


class LenientStderr(io.TextIOBase):
    """stderr for what moves: a terminal that was closed takes nothing, and is no failure."""

    def __init__(self) -> None:
        super().__init__()
        # As it is now: while a bar is shown, rich stands in for it, and hands on to us.
        self._stream = sys.stderr

    def write(self, text: str, /) -> int:
        """Write, if anybody is there."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Send on what was written."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Its descriptor, by which the size of a terminal is asked for."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What its characters are encoded in."""
        return self._stream.encoding


def silence_stdout() -> None:
    """Point a stdout that nobody reads at nothing, or the interpreter complains at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def printable(text: str) -> str:
    """The text on one line, without characters that could steer a terminal."""
    return "".join(each if each.isprintable() else " " for each in text)
