"""Input and output of a run: files, or stdin and stdout; refused before anything is submitted."""

import os
import stat
from io import FileIO
from pathlib import Path
from typing import Final, Self

from rerankq.cli.failures import CommandError, OutputClosed, OutputFailed

STANDARD: Final = "-"
_STDIN: Final = 0
_STDOUT: Final = 1


class Source:
    """The input, read raw: a thread that waits for stdin then holds no lock at the end."""

    def __init__(self, file: FileIO, name: str) -> None:
        self.name = name
        self._file = file
        self._status = os.fstat(file.fileno())
        self._read = 0

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the input; `-` is stdin.

        Raises:
            CommandError: it cannot be read.
        """
        try:
            if path == STANDARD:
                return cls(FileIO(_STDIN, closefd=False), "stdin")
            return cls(FileIO(path), path)
        except OSError as error:
            raise CommandError(f"cannot read {path}: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """What there is, at most `size` bytes; nothing at the end.

        Raises:
            CommandError: the reading fails.
        """
        try:
            data = self._file.read(size) or b""
        except OSError as error:
            raise CommandError(f"cannot read {self.name}: {error.strerror}") from None
        self._read += len(data)
        return data

    @property
    def share_read(self) -> float | None:
        """How much of a file has been read, 0 to 1; None where nobody knows its length."""
        if not stat.S_ISREG(self._status.st_mode) or not self._status.st_size:
            return None
        return min(1.0, self._read / self._status.st_size)

    def is_file(self, path: str) -> bool:
        """Whether `path` is the very file that is being read."""
        try:
            other = Path(path).stat()
        except OSError:
            return False
        return stat.S_ISREG(other.st_mode) and os.path.samestat(self._status, other)


class Sink:
    """The output: lines go out whole, so that a crash leaves whole lines."""

    def __init__(self, file: FileIO, name: str, *, replaces: bool) -> None:
        self.name = name
        self._file = file
        self._replaces = replaces

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @classmethod
    def open(cls, path: str, source: Source | None = None) -> Self:
        """Open the output; `-` is stdout. What a file holds stays until the first line is written.

        Raises:
            CommandError: it cannot be written, or it is the input.
        """
        if source and path != STANDARD and source.is_file(path):
            raise CommandError(f"{path} is input and output at once: name another output")
        try:
            if path == STANDARD:
                return cls(FileIO(_STDOUT, "w", closefd=False), "stdout", replaces=False)
            return cls(FileIO(path, "a"), path, replaces=True)
        except OSError as error:
            raise CommandError(f"cannot write {path}: {error.strerror}") from None

    def write(self, lines: bytes) -> None:
        """Write whole lines. The first replace what a file held.

        Raises:
            OutputClosed: the reader of a pipe has gone.
            OutputFailed: the disk is full, or the like.
        """
        left = memoryview(lines)
        try:
            self._begin()
            while left:
                left = left[self._file.write(left) or 0 :]
        except BrokenPipeError:
            raise OutputClosed(f"nobody reads {self.name} any more") from None
        except OSError as error:
            raise OutputFailed(f"cannot write {self.name}: {error.strerror}") from None

    def end(self, *, whole: bool) -> None:
        """Say that nothing more is written. A whole output without a line empties a file, too.

        Raises:
            OutputFailed: the file cannot be emptied.
        """
        if whole:
            self.write(b"")

    def _begin(self) -> None:
        # Not before there is something in its place: a run that comes to nothing leaves it alone.
        if self._replaces and _is_regular(self._file):
            self._file.truncate(0)
        self._replaces = False


def _is_regular(file: FileIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
