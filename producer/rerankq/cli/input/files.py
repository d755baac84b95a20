"""Input and output of a run: files, or stdin and stdout, checked before anything is submitted."""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Final, Protocol, Self

from rerankq.cli.failures import CommandError, OutputClosed, OutputFailed
from rerankq.cli.input.decompression import Decompressed, compression_of
from rerankq.cli.input.formats import LOOKED_AT_BYTES, MARK_BYTES, not_json_lines, unreadable
from rerankq.cli.input.job_lines import Defaults, entries_of
from rerankq.cli.input.reading_ahead import ReadingAhead
from rerankq.cli.terminal import inert_json
from rerankq.client.batches import BatchLine

STANDARD: Final = "-"
STDIN: Final = "stdin"
"""The input's name when it is stdin."""
_STDIN: Final = 0
_STDOUT: Final = 1


class Source:
    """The input, unpacked if it is compressed.

    Args:
        file: the file with its bytes.
        name: its name in messages.
        json_lines: whether it must be JSON Lines; if not, any text.

    Attributes:
        name: its name in messages.
        compression: how it is compressed, if it is; known after `begin`.
        unit: what holds a job.
    """

    unit = "line"

    def __init__(self, file: FileIO, name: str, *, json_lines: bool = True) -> None:
        self.name = name
        self.compression: str | None = None
        self._file = file
        self._status = os.fstat(file.fileno())
        self._bytes = _Bytes(file, name)
        self._packed = ReadingAhead(self._bytes)
        self._text: ReadingAhead | None = None
        self._json_lines = json_lines

    @classmethod
    def open(cls, path: str, *, json_lines: bool = True) -> Self:
        """Open the input; `-` is stdin.

        Raises:
            CommandError: it cannot be read, or the file has another format.
        """
        name = STDIN if path == STANDARD else path
        try:
            file = FileIO(_STDIN, closefd=False) if path == STANDARD else FileIO(path)
        except OSError as error:
            raise CommandError(f"cannot read {name}: {error.strerror}") from None
        source = cls(file, name, json_lines=json_lines)
        try:
            if source._is_regular:
                source.begin()
        except BaseException:
            file.close()
            raise
        return source

    def begin(self) -> None:
        """Look at the beginning; of a pipe, wait for the first line.

        Raises:
            CommandError: it has another format, such as an archive or a JSON array; or it cannot
                be read.
        """
        self._text = self._text or self._opened()

    def _opened(self) -> ReadingAhead:
        text = self._packed
        mark = text.look(MARK_BYTES)
        self.compression = compression_of(mark)
        if self.compression:
            text = ReadingAhead(Decompressed(self._packed, mark, self.name))
        # From a pipe only the first line: the program that writes may wait for its result.
        whole = self._is_regular or not self._json_lines
        look = text.look if whole else text.look_at_line
        first = look(LOOKED_AT_BYTES)
        fault = unreadable(first)
        if not fault and self._json_lines:
            fault = not_json_lines(first, whole=whole)
        if fault:
            raise CommandError(f"cannot read {self.name}: {fault}")
        return text

    @property
    def _is_regular(self) -> bool:
        return stat.S_ISREG(self._status.st_mode)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; empty at the end.

        Raises:
            CommandError: the reading fails, or the content is not text.
        """
        self._text = self._text or self._opened()
        return self._text.read(size)

    def entries(
        self, *, batch_id: str, defaults: Defaults, skip: int = 0
    ) -> Iterator[tuple[int, BatchLine]]:
        """The entries of its lines; `JobInput` says what they are.

        Raises:
            CommandError: the reading fails, or the content is not text.
        """
        return entries_of(self, batch_id=batch_id, defaults=defaults, skip=skip)

    @property
    def share_read(self) -> float | None:
        """How much of a file has been read, 0 to 1; None when its length is not known."""
        if not self._is_regular or not self._status.st_size:
            return None
        ahead = self._text.ahead if self._text else 0
        return min(1.0, max(0, self._bytes.count - ahead) / self._status.st_size)

    def is_file(self, status: os.stat_result) -> bool:
        """Whether that is the file that is being read."""
        return self._is_regular and os.path.samestat(self._status, status)


class _Bytes:
    """A file's bytes, unbuffered: so a thread that waits for stdin holds no lock at the exit."""

    def __init__(self, file: FileIO, name: str) -> None:
        self._file = file
        self._name = name
        self.count = 0

    def read(self, size: int, /) -> bytes:
        try:
            data = self._file.read(size) or b""
        except OSError as error:
            raise CommandError(f"cannot read {self._name}: {error.strerror}") from None
        self.count += len(data)
        return data


class _Input(Protocol):
    """What may not be the output too."""

    def is_file(self, status: os.stat_result, /) -> bool: ...


class Sink:
    """The output: only whole lines are written, so that a crash leaves whole lines."""

    def __init__(self, file: FileIO, name: str, *, replaces: bool, is_new: bool = False) -> None:
        self.name = name
        self._file = file
        self._replaces = replaces
        self._is_new = is_new
        self._is_terminal = file.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_new and self._replaces:
            with suppress(OSError):
                Path(self.name).unlink()
        self._file.close()

    @classmethod
    def open(cls, path: str, source: _Input | None = None) -> Self:
        """Open the output; `-` is stdout. A file keeps its content until the first line is written.

        A new file is removed again if nothing was written.

        Raises:
            CommandError: it cannot be written, it is the input, or another command is writing it.
        """
        try:
            if path == STANDARD:
                sink = cls(FileIO(_STDOUT, "w", closefd=False), "stdout", replaces=False)
            else:
                is_new = not os.path.lexists(path)
                sink = cls(FileIO(path, "a"), path, replaces=True, is_new=is_new)
        except OSError as error:
            name = "stdout" if path == STANDARD else path
            raise CommandError(f"cannot write {name}: {error.strerror}") from None
        if path == STANDARD:
            refuse_closed_stdout()
        if sink._replaces and _is_regular(sink._file) and not _locked(sink._file):
            sink._file.close()
            raise CommandError(f"another command is writing {path}: name another output")
        if source and source.is_file(os.fstat(sink._file.fileno())):
            sink._file.close()
            raise CommandError(f"{sink.name} is input and output at once: name another output")
        return sink

    def write(self, lines: bytes) -> None:
        """Write whole lines. The first ones replace a file's content.

        Raises:
            OutputClosed: the reader of a pipe has gone.
            OutputFailed: it cannot be written: the disk is full, for example.
        """
        left = memoryview(inert_json(lines) if self._is_terminal else lines)
        try:
            self._begin()
            while left:
                left = left[self._file.write(left) or 0 :]
        except BrokenPipeError:
            raise OutputClosed(f"nobody reads {self.name} any more") from None
        except OSError as error:
            raise OutputFailed(f"cannot write {self.name}: {error.strerror}") from None

    def end(self, *, whole: bool) -> None:
        """End the output. If it is complete and has no line, the file is emptied.

        Raises:
            OutputFailed: the file cannot be emptied.
        """
        if whole:
            self.write(b"")

    def replace_by(self, file: Path, /) -> None:
        """Put a complete file in the output's place.

        Raises:
            OutputFailed: the output is a pipe or a device, or its folder cannot be written.
        """
        if not _is_regular(self._file):
            raise OutputFailed(f"cannot write {self.name}: this format is written to a file only")
        try:
            shutil.copymode(self.name, file)
            file.replace(os.path.realpath(self.name))
        except OSError as error:
            raise OutputFailed(f"cannot write {self.name}: {error.strerror}") from None
        self._replaces = False

    def _begin(self) -> None:
        # Only when there is a line to write: a run that writes nothing leaves the file as it was.
        if self._replaces and _is_regular(self._file):
            self._file.truncate(0)
        self._replaces = False


def refuse_closed_stdout() -> None:
    """Check stdout, before anything is submitted.

    Raises:
        CommandError: stdout is closed.
    """
    if not _is_writable(_STDOUT):
        raise CommandError("cannot write stdout: it is closed")


def _is_regular(file: FileIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _locked(file: FileIO) -> bool:
    """Lock the file for this command until it is closed; False when another one has it."""
    # Each of two commands that write one file would delete what the other has written.
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks, such as some network ones
    else:
        return True


def _is_writable(number: int) -> bool:
    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
