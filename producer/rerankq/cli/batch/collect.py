"""Collects a batch: writes the row of each job that has ended, in order."""

from collections.abc import Callable
from contextlib import aclosing

from rerankq.cli.rows.ordered_output import OrderedOutput
from rerankq.cli.rows.rows import row_of
from rerankq.client.batches import BatchReader, BatchResult


class Collector:
    """Collects one batch.

    Args:
        reader: reads the batch.
        output: writes the rows.
        line_of: the number of the line of input at a position, if it is known.

    Attributes:
        reader: as given; it knows whether there is more.
        output: as given; it has the counts.
    """

    def __init__(
        self,
        reader: BatchReader[BatchResult],
        output: OrderedOutput,
        *,
        line_of: Callable[[int], int | None] = lambda _: None,
    ) -> None:
        self._line_of = line_of
        self.reader = reader
        self.output = output

    async def run(self) -> None:
        """Write the row of every entry.

        Raises:
            BatchNotFound: no such batch.
            OutputClosed, CommandError: the output cannot be written.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        try:
            async with aclosing(self.reader.portions()) as portions:
                async for portion in portions:
                    await self._write(portion)
        finally:
            self.output.written.unended = self.reader.unended
            self.output.close()

    async def _write(self, portion: list[BatchResult]) -> None:
        rows = [row_of(each, self._line_of(each.position)) for each in portion]
        if not self.reader.waits:
            await self.output.write(rows)
            return
        taken = await self.output.take(rows)
        if taken < len(rows) or not await self.output.catch_up(self.reader.is_waited_for):
            self.reader.rewind(self.output.next)
