"""The counts of a run, for the progress bar and the last sentence."""

from collections.abc import Iterable
from dataclasses import dataclass

from rerankq.cli.rows.rows import Kind, Row


@dataclass(slots=True)
class Tally:
    """How many rows there are of each kind, and how many entries have none yet."""

    succeeded: int = 0
    failed: int = 0
    rejected: int = 0
    unended: int = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Count these rows too."""
        for row in rows:
            if row.kind is Kind.SUCCEEDED:
                self.succeeded += 1
            elif row.kind is Kind.FAILED:
                self.failed += 1
            else:
                self.rejected += 1

    @property
    def rows(self) -> int:
        """Rows of all kinds."""
        return self.succeeded + self.failed + self.rejected
