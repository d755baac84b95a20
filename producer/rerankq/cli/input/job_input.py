"""What every format of input gives to a run: its jobs, one after the other."""

import os
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from rerankq.cli.input.job_lines import Defaults
from rerankq.client.batches import BatchLine


class JobInput(Protocol):
    """An input of jobs: lines of JSON, rows of a table, or queries of a run to be ranked again."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        ...

    @property
    def unit(self) -> str:
        """What holds a job, for messages: `line`, `row` or `query`."""
        ...

    @property
    def compression(self) -> str | None:
        """How it is compressed as a whole, if it is; known after `begin`."""
        ...

    @property
    def share_read(self) -> float | None:
        """How much of it has been read, 0 to 1; None when that is not known."""
        ...

    def begin(self) -> None:
        """Look at it, before the output is touched and anything is submitted.

        Raises:
            CommandError: it cannot be read as this format.
        """
        ...

    def entries(
        self, *, batch_id: str, defaults: Defaults, skip: int = 0
    ) -> Iterator[tuple[int, BatchLine]]:
        """Its entries in their order, in bounded memory, each with its size in bytes.

        What is no job is an entry too: it says why. The numbers of the entries rise from 1.

        Args:
            batch_id: the batch that the jobs belong to.
            defaults: values for jobs that do not have them.
            skip: how many entries at the beginning are left out; the others keep their numbers.

        Raises:
            CommandError: it cannot be read any further.
        """
        ...

    def is_file(self, status: os.stat_result) -> bool:
        """Whether that is a file that is being read."""
        ...

    def __enter__(self) -> Self:
        """Itself; it is open already."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Close it."""
        ...
