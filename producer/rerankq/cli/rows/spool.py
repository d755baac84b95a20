"""Rows that wait for earlier ones: a few in memory, then on disk.

An SQLite database without a name: SQLite keeps it in memory up to a size, and beyond that in a
temporary file that has no name, that no other process can open, and that is gone when this process
ends in any way. The file is in the folder for temporary files (TMPDIR, else /var/tmp or /tmp).
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from rerankq.cli.rows.rows import Kind, Row

MEMORY_BYTES: Final = 16 * 1024 * 1024
TAKEN_ROWS: Final = 500
TAKEN_BYTES: Final = 4 * 1024 * 1024


class SpoolFull(Exception):
    """The disk is full. The rows of the spool are lost; they can be fetched again."""


class Spool:
    """Rows by their position. Not to be used by two threads at once.

    Args:
        memory_bytes: about how much is held in memory before the disk is used.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        # Calls come from a pool of threads, one after the other.
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute(f"PRAGMA cache_size = -{max(1, memory_bytes // 1024)}")
        # It is never read after a crash, so SQLite need not protect it against one.
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("CREATE TABLE rows (position INTEGER PRIMARY KEY, kind TEXT, line BLOB)")

    def put(self, rows: Sequence[Row]) -> None:
        """Keep rows.

        Raises:
            SpoolFull: the disk is full.
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
        """Remove and return the rows from that position on, up to a gap or to a portion's size.

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
        """Free memory and disk."""
        self._rows.close()
