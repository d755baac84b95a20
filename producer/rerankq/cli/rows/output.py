"""What every format of output takes from a run: its rows, as lines of JSON."""

from types import TracebackType
from typing import Protocol, Self


class Output(Protocol):
    """An output of a run, in any format."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        ...

    def write(self, lines: bytes, /) -> None:
        """Write rows, given as whole lines of JSON.

        Raises:
            OutputClosed: the reader of a pipe has gone.
            OutputFailed: it cannot be written: the disk is full, for example.
        """
        ...

    def end(self, *, whole: bool) -> None:
        """End the output, which is complete or was broken off.

        Raises:
            OutputFailed: it cannot be written.
        """
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
        """Close it, and remove what is not complete and cannot be read."""
        ...
