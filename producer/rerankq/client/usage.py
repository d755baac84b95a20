"""What calls have used, summed as it is asked for; for both clients."""

import asyncio
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Final

from rerankq.client.caller import Caller
from rerankq.client.usage_sums import summed
from rerankq.contract import UsageBy, UsageReport
from rerankq.cost.prices import Prices
from rerankq.errors import InvalidRequest
from rerankq.ledger.ownership import Ownership
from rerankq.ledger.usage_readings import UsageReadings
from rerankq.settings import ClientSettings
from rerankq.store.store import Store

DAYS: Final = 30
"""So many days are told of when nothing else is asked for, today among them."""
MOST_DAYS: Final = 4000
_OPERATORS: Final = frozenset({UsageBy.SITE, UsageBy.KEY})

Day = date | str


class AsyncUsage:
    """What `AsyncRerankClient` does to tell of usage."""

    settings: ClientSettings
    _store: Store
    _ownership: Ownership

    async def usage(
        self,
        by: UsageBy | str | Collection[UsageBy | str] = UsageBy.DAY,
        *,
        since: Day | None = None,
        until: Day | None = None,
        tenant: str | None = None,
    ) -> UsageReport:
        """Calls, tokens, cost and what reuse has saved, from one day to another.

        Days are in UTC, by Redis' clock: each call counts for the day on which the ledger learned
        how it ended. A batch is counted as a whole: with `batch`, the days are those on which the
        batches were opened, and there is no `day`.

        Args:
            by: what a row stands for, such as `("day", "tenant")`; see `UsageBy`.
            since: the first day, such as `2026-12-01`; 29 days before the last one when None.
            until: the last day; today when None.
            tenant: only what is this tenant's.

        Raises:
            InvalidRequest: names the wrong argument.
            SettingsError: the file of prices cannot be read, or something in it is wrong.
            LedgerUnavailable: Redis did not answer.
        """
        own = self._ownership.tenant
        if own is not None and tenant not in (None, own):
            raise InvalidRequest("tenant", "is another than the client's")
        parts = _parts(by, of_tenant=own is not None)
        readings = UsageReadings(self._store, self._ownership)
        last = _day("until", until) or await readings.today()
        first = _day("since", since) or date.fromordinal(max(1, last.toordinal() - DAYS + 1))
        if first > last:
            raise InvalidRequest("since", "must not be after the last day")
        if (last - first).days >= MOST_DAYS:
            raise InvalidRequest("since", f"must be at most {MOST_DAYS} days before until")
        read = readings.batches if UsageBy.BATCH in parts else readings.days
        found = await read(first, last, tenant=tenant)
        prices = await asyncio.to_thread(Prices.load, self.settings.prices)
        return summed(found, parts, prices, since=first.isoformat(), until=last.isoformat())


class BlockingUsage:
    """What `RerankClient` does to tell of usage; `AsyncUsage` says what it raises."""

    def usage(
        self: Caller[AsyncUsage],
        by: UsageBy | str | Collection[UsageBy | str] = UsageBy.DAY,
        *,
        since: Day | None = None,
        until: Day | None = None,
        tenant: str | None = None,
    ) -> UsageReport:
        """Calls, tokens and what reuse has saved, from one day to another."""
        return self.call(lambda client: client.usage(by, since=since, until=until, tenant=tenant))


def _parts(
    by: UsageBy | str | Collection[UsageBy | str], *, of_tenant: bool
) -> tuple[UsageBy, ...]:
    given: Iterable[str] = (by,) if isinstance(by, str) else by
    try:
        parts = tuple(dict.fromkeys(UsageBy(each) for each in given))
    except ValueError:
        raise InvalidRequest("by", f"must be some of {', '.join(UsageBy)}") from None
    if {UsageBy.DAY, UsageBy.BATCH} <= {*parts}:
        raise InvalidRequest("by", "cannot have both: a batch is counted as a whole, not by day")
    if of_tenant and not _OPERATORS.isdisjoint(parts):
        raise InvalidRequest("by", "must not have site or key for a tenant: these are operators'")
    return parts


def _day(name: str, given: Day | None) -> date | None:
    if isinstance(given, datetime):
        return given.date()
    if given is None or isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise InvalidRequest(name, "must be a day such as 2026-12-01") from None
