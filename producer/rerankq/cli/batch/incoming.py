"""Reads and checks the entries of an input in a thread: a source may block without a limit."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from typing import Final

from rerankq.client.batches import BatchLine
from rerankq.contract import MAX_HINT_JOBS

PORTION_BYTES: Final = 4 * 1024 * 1024
HELD_ENTRIES: Final = 10 * MAX_HINT_JOBS
HELD_BYTES: Final = 4 * PORTION_BYTES


class IncomingLines:
    """Reads a little ahead, bounded in lines and in bytes, and gives the lines in portions.

    Args:
        entries: the lines, each with its size in bytes; read in a thread.
    """

    def __init__(self, entries: Iterator[tuple[int, BatchLine]]) -> None:
        self._entries = entries
        self._held: deque[tuple[int, BatchLine]] = deque()
        self._held_bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._exhausted = False
        self._fault: Exception | None = None
        self._taken = 0

    @property
    def last_line(self) -> int | None:
        """The last line of the input, once it was read to its end; None as long as it was not."""
        with self._changed:
            is_known = self._exhausted and not self._held and not self._fault
            return self._taken if is_known else None

    async def portions(self) -> AsyncGenerator[list[BatchLine], None]:
        """The lines in portions, as they are read: a slow source gives small portions.

        Raises:
            CommandError: the source cannot be read any further.
        """
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        # A daemon: a thread that waits for stdin cannot be ended, and must not delay the exit.
        threading.Thread(
            target=self._read, args=(loop, arrived), name="rerankq-input", daemon=True
        ).start()
        try:
            while portion := await self._next(arrived):
                yield portion
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify()
        if self._fault:
            raise self._fault

    async def _next(self, arrived: asyncio.Event) -> list[BatchLine]:
        while True:
            arrived.clear()
            with self._changed:
                portion = self._take()
                over = self._exhausted
                self._changed.notify()
            if portion or over:
                return portion
            await arrived.wait()

    def _take(self) -> list[BatchLine]:
        portion: list[BatchLine] = []
        size = 0
        while self._held and len(portion) < MAX_HINT_JOBS and size < PORTION_BYTES:
            taken, line = self._held.popleft()
            portion.append(line)
            size += taken
        self._held_bytes -= size
        self._taken = portion[-1].line if portion else self._taken
        return portion

    def _read(self, loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
        try:
            for size, line in self._entries:
                if not self._hold(size, line):
                    return
                if not arrived.is_set():
                    loop.call_soon_threadsafe(arrived.set)
        except Exception as fault:  # noqa: BLE001  raised where it is awaited
            self._fault = fault
        with self._changed:
            self._exhausted = True
            closed = self._closed
        if not closed:
            loop.call_soon_threadsafe(arrived.set)

    def _hold(self, size: int, line: BatchLine) -> bool:
        """Wait for space and keep the entry; False when the reading was ended."""
        with self._changed:
            while not self._closed and self._full():
                self._changed.wait()
            if self._closed:
                return False
            self._held.append((size, line))
            self._held_bytes += size
            return True

    def _full(self) -> bool:
        return len(self._held) >= HELD_ENTRIES or self._held_bytes >= HELD_BYTES
