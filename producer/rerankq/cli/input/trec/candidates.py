"""What a run, its topics and its corpus say: for each query its text, and where its documents are.

Held by SQLite in a temporary file without a name, which is gone when this process ends in any way,
because a run may name more documents than memory holds. Only documents that the run needs are in
it, and of those only their places in the corpus.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

MEMORY_BYTES: Final = 64 * 1024 * 1024
_TABLES: Final = """
    CREATE TABLE lines (line INTEGER PRIMARY KEY, query TEXT, document TEXT, rank INTEGER);
    CREATE TABLE queries (number INTEGER PRIMARY KEY, id TEXT UNIQUE, line INTEGER, text TEXT);
    CREATE TABLE candidates (query INTEGER, place INTEGER, document TEXT, line INTEGER,
        PRIMARY KEY (query, place)) WITHOUT ROWID;
    CREATE TABLE documents (id TEXT PRIMARY KEY, start INTEGER, length INTEGER) WITHOUT ROWID;
"""
_SORT_QUERIES: Final = """
    INSERT INTO queries (number, id, line)
    SELECT row_number() OVER (ORDER BY first), query, first
    FROM (SELECT query, min(line) AS first FROM lines GROUP BY query)
"""
_SORT_CANDIDATES: Final = """
    INSERT INTO candidates
    SELECT number, place, document, line FROM (
        SELECT queries.number AS number, document, lines.line AS line,
            row_number() OVER (PARTITION BY query ORDER BY rank, lines.line) AS place
        FROM lines JOIN queries ON queries.id = lines.query)
    WHERE place <= ?
"""


class RunLine(NamedTuple):
    """A line of a run, numbered from 1."""

    line: int
    query: str
    document: str
    rank: int


class Place(NamedTuple):
    """Where a document's line is in the corpus, in bytes."""

    id: str
    start: int
    length: int


class Query(NamedTuple):
    """A query to be ranked, numbered from 1, with its documents in the run's order."""

    number: int
    id: str
    text: str
    documents: list[Place]


class Gap(NamedTuple):
    """What a line of the run names, and neither topics nor corpus have."""

    line: int
    id: str


class Candidates:
    """The queries of a run. It may be used by several threads, one at a time."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._lock = threading.Lock()
        self._tables = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._tables.execute(f"PRAGMA cache_size = -{max(1, memory_bytes // 1024)}")
        # It is never read after a crash, so SQLite need not protect it against one.
        self._tables.execute("PRAGMA journal_mode = OFF")
        self._tables.execute("PRAGMA synchronous = OFF")
        self._tables.executescript(_TABLES)
        self._tables.execute("BEGIN")

    def take_run(self, lines: Iterable[RunLine], depth: int | None) -> None:
        """Take the lines of a run, and of each query the best `depth`, by rank, then by line."""
        self._tables.executemany("INSERT INTO lines VALUES (?, ?, ?, ?)", lines)
        self._tables.execute(_SORT_QUERIES)
        self._tables.execute(_SORT_CANDIDATES, (depth or 2**62,))
        self._tables.execute("DROP TABLE lines")
        self._tables.execute(
            "INSERT INTO documents (id) SELECT DISTINCT document FROM candidates ORDER BY document"
        )

    def repeated(self) -> Gap | None:
        """The first line that names a document again for its query."""
        return self._first(
            "SELECT max(line), document FROM candidates GROUP BY query, document "
            "HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
        )

    def take_topics(self, topics: Iterable[tuple[str, str]]) -> None:
        """Take ids and texts of queries; those that the run does not name are left out."""
        self._tables.executemany(
            "UPDATE queries SET text = ?2 WHERE id = ?1 AND text IS NULL", topics
        )

    def take_places(self, places: Iterable[Place]) -> None:
        """Take the places of documents; of a document that comes twice, the first."""
        self._tables.executemany(
            "UPDATE documents SET start = ?2, length = ?3 WHERE id = ?1 AND start IS NULL", places
        )

    def query_without_text(self) -> Gap | None:
        """The first query of the run that the topics do not have."""
        return self._first("SELECT line, id FROM queries WHERE text IS NULL ORDER BY 1 LIMIT 1")

    def document_without_place(self) -> Gap | None:
        """The first document of the run that the corpus does not have."""
        return self._first(
            "SELECT min(line), document FROM candidates JOIN documents ON id = document "
            "WHERE start IS NULL HAVING min(line) IS NOT NULL"
        )

    def leave_gaps_out(self) -> tuple[int, int]:
        """Leave out what topics and corpus do not have; returns how many queries and lines."""
        lines = self._tables.execute(
            "DELETE FROM candidates WHERE document IN "
            "(SELECT id FROM documents WHERE start IS NULL)"
        ).rowcount
        queries = self._tables.execute(
            "DELETE FROM queries WHERE text IS NULL OR number NOT IN (SELECT query FROM candidates)"
        ).rowcount
        return queries, lines

    @property
    def count(self) -> int:
        """How many queries there are."""
        with self._lock:
            (count,) = self._tables.execute("SELECT count(*) FROM queries").fetchone()
        return int(count)

    def queries(self, skip: int) -> Iterator[Query]:
        """The queries in the order of the run, without the first `skip` of them."""
        last, number = 0, skip
        while True:
            with self._lock:
                row = self._tables.execute(
                    "SELECT number, id, text FROM queries WHERE number > ? ORDER BY number "
                    "LIMIT 1 OFFSET ?",
                    (last, 0 if last else skip),
                ).fetchone()
            if row is None:
                return
            last, name, text = row
            number += 1
            yield Query(number, name, text, self._documents(last))

    def documents_of(self, query_id: str) -> list[str]:
        """The ids of a query's documents, in the order of its job; empty without such a query."""
        with self._lock:
            return [
                name
                for (name,) in self._tables.execute(
                    "SELECT document FROM candidates "
                    "WHERE query = (SELECT number FROM queries WHERE id = ?) ORDER BY place",
                    (query_id,),
                )
            ]

    def close(self) -> None:
        """Free memory and disk."""
        self._tables.close()

    def _documents(self, number: int) -> list[Place]:
        with self._lock:
            return [
                Place(*row)
                for row in self._tables.execute(
                    "SELECT id, start, length FROM candidates JOIN documents ON id = document "
                    "WHERE query = ? ORDER BY place",
                    (number,),
                )
            ]

    def _first(self, question: str) -> Gap | None:
        row = self._tables.execute(question).fetchone()
        return Gap(*row) if row else None
