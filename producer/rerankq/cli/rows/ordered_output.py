"""Writes rows in the order of the lines; they come as their jobs end."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from rerankq.cli.rows.blocking_call import BlockingCall
from rerankq.cli.rows.rows import Row
from rerankq.cli.rows.spool import Spool, SpoolFull
from rerankq.cli.rows.tally import Tally

NO_ROOM: Final = (
    "no space on disk for rankings that wait for earlier ones (TMPDIR chooses another folder): "
    "they will be fetched again in order"
)


class OrderedOutput:
    """Writes the next row, and keeps later ones until it is their turn.

    Args:
        write: writes whole lines; called in a thread, because a pipe may block.
        say: shows the user a line.
        spool: makes the store for rows that wait for earlier ones.

    Attributes:
        next: the position of the row to be written next.
        written: counts of the rows that were written.
        ended: the same, with the rows that wait.
        no_room: whether rows must come in order, because the disk is full.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        *,
        say: Callable[[str], None],
        spool: Callable[[], Spool] = Spool,
    ) -> None:
        self._write = write
        self._say = say
        self._new_spool = spool
        self._spool: Spool | None = None
        self.no_room = False
        self.next = 0
        self.written = Tally()
        self.ended = Tally()

    async def take(self, rows: Sequence[Row]) -> int:
        """Take rows, in the order of their positions; returns how many of them were taken.

        The others must be given again in order, because the disk has no space for them.

        Raises:
            OutputClosed, CommandError: the output cannot be written.
        """
        straight = [row for at, row in enumerate(rows) if row.position == self.next + at]
        await self._put_out(straight)
        self.ended.add(straight)
        ahead = rows[len(straight) :]
        if not ahead:
            return len(straight)
        if self.no_room or not await self._keep(ahead):
            return len(straight)
        self.ended.add(ahead)
        return len(rows)

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows as they come, for an output that leaves some out.

        Raises:
            OutputClosed, CommandError: the output cannot be written.
        """
        await self._put_out(rows)
        self.ended.add(rows)

    async def catch_up(self, is_waited_for: Callable[[int], bool]) -> bool:
        """Write the kept rows that are next now; False when the kept rows are lost.

        Args:
            is_waited_for: whether there is no row yet for a position, or no such position.

        Raises:
            OutputClosed, CommandError: the output cannot be written.
        """
        while self._spool and not is_waited_for(self.next):
            try:
                rows = await asyncio.to_thread(self._spool.take, self.next)
            except SpoolFull:
                rows = []
            if not rows:
                self._lose()
                return False
            await self._put_out(rows)
        return True

    def close(self) -> None:
        """Free memory and disk."""
        if self._spool:
            self._spool.close()
            self._spool = None

    async def _put_out(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        lines = b"".join(each.line for each in rows)
        writing = BlockingCall(lambda: self._write(lines))
        try:
            await writing.done()
        except asyncio.CancelledError:
            if writing.came_through():
                self._count(rows)
            raise
        self._count(rows)

    def _count(self, rows: Sequence[Row]) -> None:
        self.next += len(rows)
        self.written.add(rows)

    async def _keep(self, rows: Sequence[Row]) -> bool:
        try:
            self._spool = self._spool or self._new_spool()
            await asyncio.to_thread(self._spool.put, rows)
        except SpoolFull:
            self._lose()
            return False
        return True

    def _lose(self) -> None:
        # They can be read again: Redis keeps all until the batch is released.
        self.close()
        self.no_room = True
        self._say(NO_ROOM)
        self.ended = Tally(self.written.succeeded, self.written.failed, self.written.rejected)
