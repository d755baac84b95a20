"""Rows come as their jobs end, and are written in the order of the lines."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from rerankq.cli.rows.blocking_call import BlockingCall
from rerankq.cli.rows.rows import Row
from rerankq.cli.rows.spool import Spool, SpoolFull
from rerankq.cli.rows.tally import Tally

NO_ROOM: Final = (
    "no room on disk for rankings whose turn has not come (TMPDIR chooses another folder): "
    "they are fetched in their turn"
)


class OrderedOutput:
    """Writes what is next in line, and keeps what is not until it is.

    Args:
        write: takes whole lines; called in a thread, as a pipe may block.
        say: shows the user a line.
        spool: makes what keeps the rows whose turn has not come.

    Attributes:
        next: the position of the row to be written next.
        written: what was written.
        ended: what was written, and what waits for its turn.
        no_room: whether a row must come in its turn, as the disk takes no more.
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

        The others are to be brought again in their turn: there is no room to keep them.

        Raises:
            OutputClosed, CommandError: the output takes no more.
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
            OutputClosed, CommandError: the output takes no more.
        """
        await self._put_out(rows)
        self.ended.add(rows)

    async def catch_up(self, is_waited_for: Callable[[int], bool]) -> bool:
        """Write what has been kept and is next now; False when what was kept is lost.

        Args:
            is_waited_for: whether there is no row yet for a position, or no such position.

        Raises:
            OutputClosed, CommandError: the output takes no more.
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
        """Give memory and disk back."""
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
        # Redis has them all until the batch is collected.
        self.close()
        self.no_room = True
        self._say(NO_ROOM)
        self.ended = Tally(self.written.succeeded, self.written.failed, self.written.rejected)
