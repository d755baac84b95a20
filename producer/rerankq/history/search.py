"""Finds ended jobs, the newest first, a page at a time."""

from collections.abc import Sequence
from typing import Any, Final

from rerankq.contract import JobFilter, JobSummary
from rerankq.history.packing import BatchNotes, rows_of
from rerankq.history.rows import summary_of
from rerankq.history.scripts import RECENT
from rerankq.history.segments import lines, summary_from
from rerankq.history.wanted import Wanted
from rerankq.ledger.record_fields import record_from
from rerankq.store.store import Store

MOST_ENDS: Final = 1000
"""Ends without a row that are looked at for a page."""
MOST_SEGMENTS: Final = 12
"""Segments that are unpacked for a page: about 40 ms."""
MOST_SUMMARIES: Final = 1024
"""Segments whose summaries are read for a page."""
_TOGETHER: Final = 32


class History:
    """The history of ended jobs. Every call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: the ledger's Redis.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys
        self._batches = BatchNotes(store)

    async def page(
        self, wanted: JobFilter, *, before: int | None = None, limit: int
    ) -> tuple[list[JobSummary], int | None]:
        """Some of the jobs that ended, the newest first, and where the next page begins.

        Places do not move: while new jobs end, no page shows a job twice or leaves one out.

        Args:
            wanted: which jobs.
            before: the place that the page before told; None for the newest.
            limit: most jobs.

        Returns:
            The jobs, and the place before which the next page begins; None at the end.
        """
        search = await self._searched(Wanted(wanted), before, limit)
        jobs = [summary_of(str(each.get("id", "")), each) for each in search.fields]
        return [each for each in jobs if each is not None], search.next

    async def _searched(self, wanted: Wanted, before: int | None, limit: int) -> "_Search":
        search = _Search(wanted, limit)
        start, ends, open_start, rows = await self._store.run(
            RECENT(-1 if before is None else before, MOST_ENDS)
        )
        recent = await rows_of(self._store, self._batches, ends)
        if not search.take(start, [line for _, line in recent]):
            return search
        if open_start < 0:  # more ends are there, before those
            search.next = start
        elif search.take(open_start, rows):
            stop = open_start if before is None else min(before, open_start)
            search.next = await self._in_segments(search, stop)
        return search

    async def find_fields(self, job_id: str) -> dict[str, Any]:
        """The fields of the newest row of that job; none when the history does not know it."""
        wanted, place = JobFilter(job_id=job_id), None
        while True:
            search = await self._searched(Wanted(wanted), place, 1)
            if search.fields:
                return search.fields[0]
            if search.next is None:
                return {}
            place = search.next

    async def _in_segments(self, search: "_Search", stop: int) -> int | None:
        """Search the segments before a place; returns where the next page begins."""
        unpacked = 0
        for _ in range(MOST_SUMMARIES // _TOGETHER):
            places = await self._store.command(
                *("ZREVRANGEBYSCORE", self._keys.history_segments, f"({stop}", "-inf"),
                *("LIMIT", 0, _TOGETHER),
            )
            if not places:
                return None
            for place, summary, hashes in await self._summaries(search.wanted, places):
                if search.wanted.is_past(summary_from(summary)):
                    return None
                if search.wanted.may_be_in(summary_from(summary), hashes):
                    if unpacked == MOST_SEGMENTS:
                        return stop
                    unpacked += 1
                    key = self._keys.history_segment(str(place))
                    (stored,) = await self._store.readings(("HGET", key, "rows"))
                    if not search.take(place, lines(stored or b""), stop=stop):
                        return search.next
                stop = place
            stop = int(places[-1])
        return stop

    async def _summaries(
        self, wanted: Wanted, places: Sequence[bytes]
    ) -> list[tuple[int, bytes, bytes]]:
        fields = ("summary", "hashes") if wanted.needs_hashes else ("summary",)
        key = self._keys.history_segment
        read = await self._store.readings(
            *(("HMGET", key(each.decode()), *fields) for each in places)
        )
        return [
            (int(place), found[0], found[-1] or b"")
            for place, found in zip(places, read, strict=True)
            if found and found[0] is not None
        ]


class _Search:
    """Collects the jobs of a page.

    Args:
        wanted: which jobs.
        limit: most jobs.

    Attributes:
        fields: of the rows so far.
        next: where the next page begins, once this one is full.
    """

    def __init__(self, wanted: Wanted, limit: int) -> None:
        self.wanted = wanted
        self.fields: list[dict[str, Any]] = []
        self.next: int | None = None
        self._limit = limit

    def take(self, first: int, rows: Sequence[bytes], *, stop: int | None = None) -> bool:
        """Take what is wanted, the last row first; False when the page is full.

        Args:
            first: the place of the first row.
            rows: lines.
            stop: the place of the first row that is not to be taken.
        """
        last = len(rows) if stop is None else min(len(rows), stop - first)
        for at in range(last - 1, -1, -1):
            if not self.wanted.may_be(rows[at]):
                continue
            fields = record_from(rows[at])
            if not self.wanted.accepts(fields):
                continue
            self.fields.append(fields)
            if len(self.fields) == self._limit:
                self.next = first + at
                return False
        return True
