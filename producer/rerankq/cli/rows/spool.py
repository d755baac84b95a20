"""Rows that wait for one before them: a little in memory, then on disk.

An SQLite database without a name: SQLite keeps it in memory up to a size and in a file of its own
beyond, which nobody else may open, which has no name, and which is gone with this process however
that ends. Its folder is that of temporary files (TMPDIR, else /var/tmp or /tmp).
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from rerankq.cli.rows.rows import Kind, Row

MEMORY_BYTES: Final = 16 * 1024 * 1024
TAKEN_ROWS: Final = 500
TAKEN_BYTES: Final = 4 * 1024 * 1024


class SpoolFull(Exception):
    """The disk takes no more. What was in the spool is lost; it can be fetched again."""


class Spool:
    """Rows by their position. Not for two threads at once.

    Args:
        memory_bytes: about how much is held in memory before the disk is used.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        # Calls come from a pool of threads, one after the other.
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute(f"PRAGMA cache_size = -{max(1, memory_bytes // 1024)}")
        # Nobody reads it after a crash, so nothing need be made good.
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("CREATE TABLE rows (position INTEGER PRIMARY KEY, kind TEXT, line BLOB)")

    def put(self, rows: Sequence[Row]) -> None:
        """Keep rows.

        Raises:
            SpoolFull: the disk takes no more.
        """
        try:
            self._rows.execute("BEGIN")
            self._rows.executemany(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?)",
                ((each.position, each.kind.value, each.line) for each in rows),
            )
            self._rows.execute("COMMIT")
        except sqlite3.Error as error:
            raise SpoolFull(str(error)) from None

    def take(self, position: int) -> list[Row]:
        """The rows from that position on, without a gap, as far as a portion goes; they are gone.

        Raises:
            SpoolFull: the disk cannot be read.
        """
        taken: list[Row] = []
        size = 0
        try:
            for at, kind, line in self._rows.execute(
                "SELECT position, kind, line FROM rows WHERE position >= ? ORDER BY position",
                (position,),
            ):
                full = len(taken) == TAKEN_ROWS or size >= TAKEN_BYTES
                if full or at != position + len(taken):
                    break
                taken.append(Row(at, Kind(kind), line))
                size += len(line)
            if taken:
                self._rows.execute(
                    "DELETE FROM rows WHERE position BETWEEN ? AND ?",
                    (position, taken[-1].position),
                )
        except sqlite3.Error as error:
            raise SpoolFull(str(error)) from None
        return taken

    def close(self) -> None:
        """Give memory and disk back."""
        self._rows.close()
