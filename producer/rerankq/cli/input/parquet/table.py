"""Opens a Parquet file, and reads its rows a few at a time: never a whole row group."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from rerankq.cli.failures import CommandError
from rerankq.cli.input.job_lines import Defaults
from rerankq.cli.input.parquet.columns import mapped
from rerankq.cli.input.parquet.rows import entry_of
from rerankq.client.batches import BatchLine
from rerankq.errors import MissingExtra
from rerankq.extras import install

PORTION_BYTES: Final = 4 * 1024 * 1024
MOST_ROWS: Final = 1_024
BUFFER_BYTES: Final = 1024 * 1024
"""How much of a column is read from the file at once."""


class ParquetInput:
    """A table whose rows are jobs. `JobInput` says what its methods do.

    Attributes:
        name: its name in messages.
        unit: what holds a job.
        compression: none as a whole.
        columns: the column of each field of a job.
    """

    unit: Final = "row"
    compression: Final = None

    def __init__(self, path: str, columns: Mapping[str, str]) -> None:
        """Open it.

        Raises:
            MissingExtra: pyarrow is not installed.
            CommandError: it cannot be read, or a column is missing.
        """
        self.name = path
        self._table = _opened(path)
        self._status = Path(path).stat()
        self._rows: int = self._table.metadata.num_rows
        self._read = 0
        names = list(self._table.schema_arrow.names)
        self.columns = mapped(names, columns, name=path)

    def begin(self) -> None:
        """It was looked at when it was opened."""

    def entries(
        self, *, batch_id: str, defaults: Defaults, skip: int = 0
    ) -> Iterator[tuple[int, BatchLine]]:
        """The entries of its rows, numbered from 1.

        Raises:
            CommandError: it is damaged.
        """
        for number, row in self._numbered(skip):
            self._read = number
            fields = {field: row[column] for field, column in self.columns.items()}
            yield entry_of(fields, number, batch_id=batch_id, defaults=defaults)

    @property
    def share_read(self) -> float | None:
        """How many of its rows have been read, 0 to 1."""
        return self._read / self._rows if self._rows else None

    def is_file(self, status: os.stat_result) -> bool:
        """Whether that is the file that is being read."""
        return os.path.samestat(self._status, status)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._table.close()

    def _numbered(self, skip: int) -> Iterator[tuple[int, dict[str, Any]]]:
        number = 0
        metadata = self._table.metadata
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            if number + rows <= skip:
                number += rows
                continue
            for row in self._rows_of(group):
                number += 1
                if number > skip:
                    yield number, row

    def _rows_of(self, group: int) -> Iterator[dict[str, Any]]:
        from pyarrow import ArrowException  # noqa: PLC0415  an extra brings it

        wanted = sorted(set(self.columns.values()))
        about = self._table.metadata.row_group(group)
        rows = PORTION_BYTES * max(1, about.num_rows) // max(1, about.total_byte_size)
        try:
            for portion in self._table.iter_batches(
                batch_size=min(max(rows, 1), MOST_ROWS),
                row_groups=[group],
                columns=wanted,
                use_threads=False,
            ):
                yield from portion.to_pylist()
        except (ArrowException, OSError, UnicodeDecodeError):
            raise CommandError(
                f"cannot read {self.name} any further: row group {group} is damaged, after row "
                f"{self._read}: get a complete copy"
            ) from None


def _opened(path: str) -> Any:
    """The file, opened by pyarrow.

    Raises:
        MissingExtra: pyarrow is not installed.
        CommandError: it cannot be read.
    """
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415  an extra brings it
    except ImportError:
        raise MissingExtra(f"reading Parquet needs an extra: {install('parquet')}") from None
    try:
        # With a buffer and without reading ahead, columns are streamed.
        return parquet.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
    except OSError as error:
        why = error.strerror or "it is damaged, or not complete: get a complete copy"
        raise CommandError(f"cannot read {path}: {why}") from None
    except ArrowException:
        raise CommandError(
            f"cannot read {path}: it is not a complete Parquet file: get a complete copy"
        ) from None
