"""What is asked about batches: counts, status, lists and entries."""

import math
from collections.abc import AsyncIterator
from typing import Any, Final

from rerankq.contract import BatchProgress, BatchStatus
from rerankq.errors import BatchNotFound
from rerankq.ledger.batch_entries import Entry, entry_from
from rerankq.ledger.batch_status import COUNTS, Stored, status_from
from rerankq.ledger.ownership import Ownership
from rerankq.store.store import Store

PAGE: Final = 500


class BatchReadings:
    """Reads batches. Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where they are.
        kept_seconds: how long a batch is kept that does not say so itself.
        ownership: whose they are: those of others are not found.
    """

    def __init__(self, store: Store, *, kept_seconds: float, ownership: Ownership) -> None:
        self._store = store
        self._keys = store.keys
        self._kept_ms = int(kept_seconds * 1000)
        self._ownership = ownership

    async def status(self, batch_id: str) -> BatchStatus:
        """All that is known of it, exact at the moment of reading, but for `waits`.

        Raises:
            BatchNotFound: no such batch.
        """
        (status,) = await self._statuses([batch_id])
        if status is None:
            raise not_found(batch_id)
        return status

    async def listed(
        self, *, tenant: str | None = None, after: str | None = None, limit: int
    ) -> list[BatchStatus]:
        """The batches, the newest first.

        A batch that is opened meanwhile is in no later page, so pages never overlap.

        Args:
            tenant: only those of this tenant.
            after: the last one that was seen: the list goes on behind it.
            limit: how many at most. Fewer are given only when there are no more.

        Raises:
            BatchNotFound: no batch has the id `after`.
        """
        tenant = self._ownership.tenant or tenant
        line = self._keys.tenant_batches(tenant) if tenant else self._keys.batches
        most = "+inf" if after is None else f"({await self._created(after)}"
        found: list[BatchStatus] = []
        while limit > len(found):
            scored = await self._store.command(
                *("ZREVRANGEBYSCORE", line, most, "-inf"),
                *("WITHSCORES", "LIMIT", 0, limit - len(found)),
            )
            pairs = [(each[0].decode(), each[1]) for each in _pairs(scored)]
            if not pairs:
                break
            statuses = await self._statuses([batch_id for batch_id, _ in pairs])
            gone = [each for (each, _), status in zip(pairs, statuses, strict=True) if not status]
            if gone:
                await self._store.command("ZREM", line, *gone)
            found += [each for each in statuses if each]
            most = f"({int(float(pairs[-1][1]))}"
        return found

    async def progress(self, batch_id: str) -> BatchProgress:
        """The counts, exact at the moment of reading.

        Raises:
            BatchNotFound: no such batch.
        """
        sealed, tenant, *counts = await self._store.command(
            "HMGET", self._keys.batch(batch_id), "sealed", "tenant", *COUNTS
        )
        if sealed is None or not self._is_mine(tenant):
            raise not_found(batch_id)
        values: dict[str, Any] = {
            name: int(count or 0) for name, count in zip(COUNTS, counts, strict=True)
        }
        return BatchProgress(id=batch_id, sealed=sealed == b"1", **values)

    async def unfed_seconds(self, batch_id: str) -> float:
        """Seconds since the last entry or call of `feeding`, by Redis' clock."""
        await self._check(batch_id)
        fed, (seconds, micros) = await self._store.commands(
            ("HGET", self._keys.batch(batch_id), "fed"), ("TIME",)
        )
        if fed is None:
            return math.inf
        return int(seconds) + int(micros) / 1_000_000 - int(fed) / 1000

    async def cut_at(self, batch_id: str) -> int | None:
        """The first line of input that was not submitted; None when feeding was not cut."""
        await self._check(batch_id)
        cut = await self._store.command("HGET", self._keys.batch(batch_id), "cut")
        return None if cut is None else int(cut)

    async def seconds_left(self, batch_id: str) -> float:
        """Seconds until the batch is deleted, by Redis' clock; 0 when there is none."""
        await self._check(batch_id)
        left = await self._store.command("PTTL", self._keys.batch(batch_id))
        return max(0, int(left)) / 1000

    async def size(self, batch_id: str) -> int:
        """How many entries there are so far."""
        await self._check(batch_id)
        return int(await self._store.command("LLEN", self._keys.batch_entries(batch_id)))

    async def entries(self, batch_id: str, start: int = 0) -> AsyncIterator[Entry]:
        """All entries in the order they were added, read a page at a time."""
        while page := await self.page(batch_id, start):
            for entry in page:
                yield entry
            start += len(page)

    async def page(self, batch_id: str, start: int) -> list[Entry]:
        """The next entries from position `start`; none when there are no more so far."""
        await self._check(batch_id)
        stored = await self._store.command(
            "LRANGE", self._keys.batch_entries(batch_id), start, start + PAGE - 1
        )
        return [entry_from(each) for each in stored]

    async def failed(self, batch_id: str, start: int = 0) -> list[str]:
        """The next ids of its failed jobs from position `start`, in the order they failed."""
        await self._check(batch_id)
        stored = await self._store.command(
            "LRANGE", self._keys.batch_failed(batch_id), start, start + PAGE - 1
        )
        return [each.decode() for each in stored]

    async def _statuses(self, batch_ids: list[str]) -> list[BatchStatus | None]:
        """The status of each, in one round trip; None for one that is not found."""
        keys = [self._keys.batch(each) for each in batch_ids]
        (seconds, micros), *rows = await self._store.commands(
            ("TIME",), *(("HGETALL", key) for key in keys), *(("PTTL", key) for key in keys)
        )
        now_ms = int(seconds) * 1000 + int(micros) / 1000
        return [
            self._status(batch_id, fields, int(left_ms), now_ms)
            for batch_id, fields, left_ms in zip(
                batch_ids, rows[: len(keys)], rows[len(keys) :], strict=True
            )
        ]

    def _status(
        self, batch_id: str, fields: Any, left_ms: int, now_ms: float
    ) -> BatchStatus | None:
        named = {
            name.decode(errors="replace"): value.decode(errors="replace")
            for name, value in _pairs(fields)
        }
        if "sealed" not in named or self._ownership.tenant not in (None, named.get("tenant")):
            return None
        kept_ms = int(named.get("kept") or self._kept_ms)
        return status_from(batch_id, Stored(named, left_ms, now_ms, kept_ms))

    async def _created(self, batch_id: str) -> str:
        created, tenant = await self._store.command(
            "HMGET", self._keys.batch(batch_id), "created", "tenant"
        )
        if created is None or not self._is_mine(tenant):
            raise not_found(batch_id)
        return str(created.decode())

    async def _check(self, batch_id: str) -> None:
        """Refuse a batch of another tenant."""
        await self._ownership.check_batch(batch_id)

    def _is_mine(self, tenant: bytes | None) -> bool:
        mine = self._ownership.tenant
        return mine is None or tenant == mine.encode()


def not_found(batch_id: str) -> BatchNotFound:
    """The error for a batch that there is not, or that is another tenant's."""
    return BatchNotFound(
        f"no batch has the id {batch_id}: check the id; the batch may be past its retention"
    )


def _pairs(answer: Any) -> list[tuple[bytes, Any]]:
    """Pairs, as either version of Redis' protocol gives them."""
    if isinstance(answer, dict):
        return [*answer.items()]
    if answer and isinstance(answer[0], list | tuple):
        return [(each[0], each[1]) for each in answer]
    return [*zip(answer[::2], answer[1::2], strict=True)]
