"""Adds the lines of an input to a batch, in their order."""

from collections.abc import Callable
from contextlib import aclosing
from enum import StrEnum

from rerankq.cli.batch.incoming import IncomingLines
from rerankq.client import AsyncBatch, RejectedLine


class OnError(StrEnum):
    """What happens after a bad line."""

    SKIP = "skip"
    STOP = "stop"


class Feed:
    """Feeds one batch.

    Attributes:
        adding: adds to the batch; it knows how many lines were added.
        ended: whether the input was read to its end.
        stopped: whether a bad line ended the feeding.
    """

    def __init__(
        self,
        batch: AsyncBatch,
        lines: IncomingLines,
        *,
        on_error: OnError,
        report: Callable[[RejectedLine], None],
        held_up: Callable[[str], None],
    ) -> None:
        self._lines = lines
        self._on_error = on_error
        self._report = report
        self.adding = batch.feed(rejected=self._hear_of, held_up=held_up)
        self.ended = False
        self.stopped = False

    async def run(self) -> None:
        """Record every line, until the input ends, `halt` is called, or a bad line ends it.

        Raises:
            CommandError: the input cannot be read any further.
            BatchNotFound: the batch is gone.
            LedgerUnavailable: Redis has not answered for a minute.
        """
        async with self.adding, aclosing(self._lines.portions()) as portions:
            async for portion in portions:
                _, refusal = await self.adding.add(portion)
                if refusal:
                    raise refusal
                if self.adding.halted:
                    return
        self.ended = True

    async def seal(self) -> None:
        """Seal the batch, with the first line that was not submitted.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        await self.adding.seal(whole=self.ended)

    def _hear_of(self, line: RejectedLine) -> None:
        self._report(line)
        if self._on_error is OnError.STOP:
            self.stopped = True
            self.adding.halt()
