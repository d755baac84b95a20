"""Output as a Parquet file, written in row groups to a file beside it, which then replaces it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol, Self

import orjson

from rerankq.cli.failures import OutputFailed
from rerankq.cli.rows.parquet_schema import schema
from rerankq.errors import MissingExtra
from rerankq.extras import install

GROUP_ROWS: Final = 10_000
GROUP_BYTES: Final = 16 * 1024 * 1024
"""The most that a row group has, as lines of JSON: so much is held in memory."""


class Place(Protocol):
    """The file that is to be replaced, held open and locked."""

    @property
    def name(self) -> str:
        """Its name, also in messages."""
        ...

    def replace_by(self, file: Path, /) -> None:
        """Put a complete file in its place.

        Raises:
            OutputFailed: that is not possible.
        """
        ...

    def __exit__(self, *_: object) -> None:
        """Close it."""
        ...


class ParquetOutput:
    """A table with a row for each entry of a run.

    A Parquet file without its end cannot be read. So the output keeps its former content until the
    new one is complete; when a run is broken off, nothing is left of the new one.

    Args:
        place: the output file.

    Attributes:
        name: the output's name in messages.

    Raises:
        MissingExtra: pyarrow is not installed.
    """

    def __init__(self, place: Place) -> None:
        try:
            from pyarrow import parquet  # noqa: F401, PLC0415  an extra brings it
        except ImportError:
            raise MissingExtra(f"writing Parquet needs an extra: {install('parquet')}") from None
        self.name = place.name
        self._place = place
        path = Path(os.path.realpath(place.name))
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._schema = schema()
        self._writer: Any = None
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def write(self, lines: bytes, /) -> None:
        """Write rows, given as whole lines of JSON.

        Raises:
            OutputFailed: it cannot be written.
        """
        for line in lines.splitlines():
            self._rows.append(orjson.loads(line))
            self._bytes += len(line)
            if len(self._rows) >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
                self._write_group()

    def end(self, *, whole: bool) -> None:
        """Put a complete table in the output's place.

        Raises:
            OutputFailed: it cannot be written.
        """
        if not whole:
            return
        self._write_group()
        try:
            self._writer.close()
            self._writer = None
        except OSError as error:
            raise self._failed(error) from None
        self._place.replace_by(self._partial)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            if self._writer is not None:
                self._writer.close()
        with suppress(OSError):
            self._partial.unlink()
        self._place.__exit__()

    def _write_group(self) -> None:
        import pyarrow as pa  # noqa: PLC0415  an extra brings it
        from pyarrow import parquet  # noqa: PLC0415  an extra brings it

        rows, self._rows, self._bytes = self._rows, [], 0
        try:
            if self._writer is None:
                self._writer = parquet.ParquetWriter(
                    self._partial, self._schema, compression="zstd"
                )
            if rows:
                self._writer.write_table(pa.Table.from_pylist(rows, schema=self._schema))
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> OutputFailed:
        return OutputFailed(f"cannot write {self.name}: {error.strerror or 'the disk is full'}")
