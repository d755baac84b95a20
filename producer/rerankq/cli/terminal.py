"""Where lines for the user go: results to stdout, everything about them to stderr."""

import contextlib
import os
import sys

import typer


def tell(line: str) -> None:
    """Say one line on stderr; a closed stderr is nobody's failure."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(" ".join(line.splitlines()) + "\n")
        sys.stderr.flush()


def put(text: str) -> None:
    """Write a line to stdout, through to the system."""
    typer.echo(text)


def silence_stdout() -> None:
    """Point a stdout that nobody reads at nothing, or the interpreter complains at its end."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def printable(text: str) -> str:
    """The text on one line, without characters that could steer a terminal."""
    return "".join(each if each.isprintable() else " " for each in text)
