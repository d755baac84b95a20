"""Moves the ends that the ledger notes into the history: first into rows, then into segments."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from rerankq.history.rows import (
    Metadata,
    Row,
    batches_in,
    ended_fields,
    row_from,
    row_of,
)
from rerankq.history.scripts import KEEP, SEAL, TAKE
from rerankq.history.segments import ROWS, packed
from rerankq.ledger.intake import searchable
from rerankq.store.script import Call
from rerankq.store.store import Store

PACK_SECONDS: Final = 1.0
MOST_PORTIONS: Final = 50
"""Portions of ends that one tick packs: the others wait for the next."""
OPEN_SECONDS: Final = 3600.0
"""After this time rows become a segment, however few they are."""
MOST_BATCHES: Final = 1000


class BatchNotes:
    """The metadata of batches, which never change.

    Args:
        store: the ledger's Redis.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Metadata] = {}

    async def of(self, batches: set[str]) -> Mapping[str, Metadata]:
        """The metadata of these batches, at least.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        missing = [each for each in batches if each not in self._known]
        if len(self._known) + len(missing) > MOST_BATCHES:
            self._known.clear()
            missing = list(batches)
        if missing:
            key = self._store.keys.batch
            found = await self._store.readings(
                *(("HGET", key(each), "metadata") for each in missing)
            )
            self._known |= zip(missing, map(_metadata, found), strict=True)
        return self._known


class Packing:
    """Packs ends, a portion after the other. Any number of workers may do so: one does at a time.

    Args:
        store: the ledger's Redis.
        ttl_seconds: how long rows are kept, at least; 0 to keep none.
        most_bytes: most bytes of all segments.
    """

    def __init__(self, store: Store, *, ttl_seconds: float, most_bytes: int) -> None:
        self._store = store
        self._ttl_ms = int(ttl_seconds * 1000)
        self._most_bytes = most_bytes
        self._batches = BatchNotes(store)

    async def tick(self) -> int:
        """Pack what has ended, unless another worker does; returns how many rows were made.

        Raises:
            LedgerUnavailable: Redis did not answer. What was not packed is packed later.
        """
        made, interval_ms = 0, int(PACK_SECONDS * 900)
        for _ in range(MOST_PORTIONS):
            ends = "LRANGE", self._store.keys.history_ended, 0, ROWS - 1
            taken, entries = await self._store.run_ahead_of(ends, self._take(interval_ms))
            if not taken:  # another worker packs
                break
            first, open_rows, is_due = taken
            if not await self._pack(first, open_rows, entries, is_due=bool(is_due)):
                break
            made, interval_ms = made + len(entries), 0
            if len(entries) < ROWS:
                break
        return made

    def _take(self, interval_ms: int) -> Call[list[int]]:
        open_ms = int(min(OPEN_SECONDS * 1000, self._ttl_ms / 4))
        return TAKE(interval_ms, self._ttl_ms, self._most_bytes, open_ms)

    async def _pack(
        self, first: int, open_rows: int, entries: Sequence[bytes], *, is_due: bool
    ) -> bool:
        """Write the rows of these ends; False when another worker has."""
        rows = await self._rows(entries)
        if open_rows + len(rows) < ROWS and not is_due:
            if not rows:
                return False
            return await self._store.run(KEEP(first, tuple(line for _, line in rows)))
        opened = []
        if open_rows:
            opened = await self._store.command("LRANGE", self._store.keys.history_open, 0, -1)
        segment = packed([*map(row_from, opened), *rows])
        return await self._store.run(
            SEAL(
                *(first, len(opened), len(rows), self._ttl_ms, self._most_bytes),
                *(segment.last, segment.summary, segment.hashes, segment.rows),
            )
        )

    async def _rows(self, entries: Sequence[bytes]) -> list[Row]:
        return await rows_of(self._store, self._batches, entries)


async def rows_of(store: Store, notes: BatchNotes, entries: Sequence[bytes]) -> list[Row]:
    """The rows of ends that the ledger has noted.

    Raises:
        LedgerUnavailable: Redis did not answer.
    """
    if not entries:
        return []
    # Keys as bytes: for thousands a second, encoding each is worth sparing.
    head = store.keys.job.head.encode()
    records = await store.command("MGET", *[head + each.partition(b" ")[0] for each in entries])
    ended = [ended_fields(each) for each in records]
    batches = await notes.of(batches_in(ended))
    return [row_of(*each, batches) for each in zip(entries, records, ended, strict=True)]


def _metadata(stored: bytes | None) -> Metadata:
    try:
        found = orjson.loads(stored or b"{}")
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(found, dict):
        return {}
    # Each row of the batch's jobs has it.
    return searchable({key: each for key, each in found.items() if isinstance(each, str)})
