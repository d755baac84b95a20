"""Reads what calls have used, from the hashes of days and of batches."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from rerankq.ledger.ownership import Ownership
from rerankq.ledger.usage import StoredUsage, rows_from
from rerankq.store.store import Store

PAGE: Final = 50
"""Hashes that are read in one round trip."""
BATCH_ROW: Final = "usage:"
MOST_BATCHES: Final = 10_000


class UsageOf(NamedTuple):
    """Rows of a day, or of a batch; the other name is empty."""

    day: str
    batch: str
    rows: Sequence[StoredUsage]


class UsageReadings:
    """Reads usage. Each call raises LedgerUnavailable when Redis cannot be used.

    Args:
        store: where it is.
        ownership: whose it is: rows of others are left out.
    """

    def __init__(self, store: Store, ownership: Ownership) -> None:
        self._store = store
        self._keys = store.keys
        self._tenant = ownership.tenant

    async def today(self) -> date:
        """The day in UTC, by Redis' clock."""
        seconds, _ = await self._store.command("TIME")
        return datetime.fromtimestamp(int(seconds), UTC).date()

    async def days(self, first: date, last: date, *, tenant: str | None = None) -> list[UsageOf]:
        """What each day from `first` to `last` has, both included."""
        count = (last - first).days + 1
        names = [(first + timedelta(days=each)).isoformat() for each in range(count)]
        found = []
        for page in _pages(names):
            hashes = await self._hashes([self._keys.usage(each) for each in page])
            found += [
                UsageOf(day, "", self._own(fields, tenant))
                for day, fields in zip(page, hashes, strict=True)
            ]
        return found

    async def batches(self, first: date, last: date, *, tenant: str | None = None) -> list[UsageOf]:
        """What each batch has that was opened on one of these days: the newest, 10,000 at most."""
        tenant = self._tenant or tenant
        line = self._keys.tenant_batches(tenant) if tenant else self._keys.batches
        scored = await self._store.command(
            *("ZREVRANGEBYSCORE", line, f"({_micros(last + timedelta(days=1))}", _micros(first)),
            *("LIMIT", 0, MOST_BATCHES),
        )
        found = []
        for page in _pages([each.decode() for each in scored]):
            hashes = await self._hashes([self._keys.batch(each) for each in page])
            for batch, fields in zip(page, hashes, strict=True):
                told = [
                    (n.removeprefix(BATCH_ROW), v) for n, v in fields if n.startswith(BATCH_ROW)
                ]
                found.append(UsageOf("", batch, self._own(told, tenant)))
        return found

    async def _hashes(self, keys: Sequence[str]) -> list[list[tuple[str, str]]]:
        found = await self._store.readings(*(("HGETALL", each) for each in keys))
        return [_texts(each) for each in found]

    def _own(self, fields: Sequence[tuple[str, str]], tenant: str | None) -> list[StoredUsage]:
        wanted = self._tenant or tenant
        return [each for each in rows_from(fields) if wanted in (None, each.tenant)]


def _pages(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[at : at + PAGE] for at in range(0, len(names), PAGE))


def _micros(day: date) -> int:
    """When a day begins, as batches are ordered."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def _texts(answer: Any) -> list[tuple[str, str]]:
    """Names and values, as either version of Redis' protocol gives them; none of a foreign key."""
    if isinstance(answer, dict):
        pairs = [*answer.items()]
    elif isinstance(answer, list):
        pairs = [*zip(answer[::2], answer[1::2], strict=True)]
    else:
        return []
    return [
        (name.decode(errors="replace"), value.decode(errors="replace")) for name, value in pairs
    ]
