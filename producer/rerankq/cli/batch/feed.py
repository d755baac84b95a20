"""Adds the lines of an input to a batch, in their order."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from enum import StrEnum
from typing import Final

from rerankq.cli.batch.incoming import IncomingLines
from rerankq.client import AsyncBatch, RejectedLine

LOOKS: Final = 20
LOOK_SECONDS: Final = 0.01
"""How often and when to look, after a halt, whether the input has another line: a pipe may be
silent, so it is not waited for."""


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
        """Seal the batch; if its input was not added to its end, with the first line that was not.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        self.ended = self.ended or await self._has_added_all()
        await self.adding.seal(whole=self.ended)

    async def _has_added_all(self) -> bool:
        """Whether the line that was added last is the input's last one."""
        for _ in range(LOOKS):
            if (last := self._lines.last_line) is not None:
                return self.adding.next_line > last
            await asyncio.sleep(LOOK_SECONDS)
        return False

    def _hear_of(self, line: RejectedLine) -> None:
        self._report(line)
        if self._on_error is OnError.STOP:
            self.stopped = True
            self.adding.halt()
