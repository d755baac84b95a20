"""A pipe that nobody reads, and that is full: each write to it waits for ever."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_pipe() -> Iterator[int]:
    """The end to write to."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        try:
            while True:
                os.write(writer, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(writer, True)
        yield writer
    finally:
        os.close(reader)
        os.close(writer)
