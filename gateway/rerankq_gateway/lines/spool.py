"""Jobs that were checked, on disk until all were read: nothing is submitted before."""

import asyncio
import struct
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import orjson

from rerankq.client.prepared import PreparedJob
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.lines.line import BadLine, Line, UnreadableLines

Check = Callable[[Line], PreparedJob | BadLine]
"""Makes a job of a line, or says why it is none."""

MOST_NAMED: Final = 100
"""So many bad lines are told to the caller."""
_TOGETHER: Final = 50
"""Lines that are checked, or jobs that are read, before other requests have their turn."""
_PORTION_BYTES: Final = 2 * 1024 * 1024
_BUFFER: Final = 1024 * 1024
_ENTRY: Final = struct.Struct("<BQII")
_JOB, _BAD = range(2)


class Spool:
    """What was read, in its order: a file without a name, which is gone with the process.

    Attributes:
        count: jobs in it.
        rejected: lines that are no jobs.
        bad: the first of these.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = 0
        self.rejected = 0
        self.bad: list[BadLine] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget what was kept."""
        self._file.close()

    def add(self, line: int, job: PreparedJob) -> None:
        """Keep a job."""
        head = orjson.dumps(job.head)
        self._file.write(_ENTRY.pack(_JOB, line, len(head), len(job.payload)) + head + job.payload)
        self.count += 1

    def reject(self, bad: BadLine) -> None:
        """Keep the fault of a line."""
        said = orjson.dumps(list(bad))
        self._file.write(_ENTRY.pack(_BAD, bad.line, len(said), 0) + said)
        self.rejected += 1
        if len(self.bad) < MOST_NAMED:
            self.bad.append(bad)

    def flush(self) -> None:
        """Write out what is kept in memory, so that a full disk is noticed now."""
        self._file.flush()

    async def entries(
        self, *, start: int = 0
    ) -> AsyncIterator[list[tuple[int, PreparedJob | BadLine]]]:
        """Each line's number with its job or fault, in portions, from position `start` on."""
        self._file.seek(0)
        portion: list[tuple[int, PreparedJob | BadLine]] = []
        size = 0
        for at in range(self.count + self.rejected):
            kind, line, first, second = _ENTRY.unpack(self._file.read(_ENTRY.size))
            if at < start:
                self._file.seek(first + second, 1)
                continue
            said = orjson.loads(self._file.read(first))
            if kind == _JOB:
                payload = self._file.read(second)
                portion.append((line, PreparedJob(said["id"], said, payload)))
                size += len(payload)
            else:
                portion.append((line, BadLine(*said)))
            if len(portion) == 2 * _TOGETHER or size > _PORTION_BYTES:
                yield portion
                portion, size = [], 0
        if portion:
            yield portion


def new_spool(folder: Path | None = None) -> Spool:
    """An empty spool.

    Args:
        folder: where its file is; the system's folder for temporary files when None.

    Raises:
        OSError: the file cannot be made.
    """
    return Spool(tempfile.TemporaryFile(dir=folder, buffering=_BUFFER))


async def spooled(
    source: AsyncIterator[list[Line | BadLine]],
    check: Check,
    folder: Path | None = None,
) -> Spool:
    """Read all lines, check each, and keep them.

    Args:
        source: the lines.
        check: makes jobs of them.
        folder: where the file is; the system's folder for temporary files when None.

    Raises:
        GatewayError: 507, the disk is full.
    """
    spool = new_spool(folder)
    try:
        try:
            async for portion in source:
                await _keep(spool, portion, check)
        except UnreadableLines as unreadable:
            spool.reject(unreadable.bad)
        spool.flush()
    except OSError as error:
        spool.__exit__(None, None, None)
        raise _no_room(error) from None
    except BaseException:
        spool.__exit__(None, None, None)
        raise
    return spool


async def _keep(spool: Spool, portion: list[Line | BadLine], check: Check) -> None:
    for at, line in enumerate(portion, 1):
        entry = line if isinstance(line, BadLine) else check(line)
        if isinstance(entry, BadLine):
            spool.reject(entry)
        else:
            spool.add(line[0], entry)
        if at % _TOGETHER == 0:
            await asyncio.sleep(0)


def _no_room(error: OSError) -> GatewayError:
    return GatewayError(
        507,
        "no_room",
        f"the upload cannot be kept on disk until it is whole ({error.strerror}): split it, "
        "or ask the operator to make room",
    )
