"""Sums what is stored of usage to the rows of a report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rerankq.contract import DEFAULT_MODEL, UsageBy, UsageCounts, UsageReport, UsageRow
from rerankq.cost.prices import Price, Prices
from rerankq.ledger.usage import StoredUsage, Usage
from rerankq.ledger.usage_readings import UsageOf


@dataclass(slots=True)
class _Sum:
    """The sum of some rows; costs by currency."""

    usage: Usage = field(default_factory=Usage)
    costs: dict[str, Decimal] = field(default_factory=dict)
    at_most: dict[str, Decimal] = field(default_factory=dict)
    unpriced_tokens: int = 0

    def add(self, usage: Usage, price: Price | None) -> None:
        self.usage = self.usage.plus(usage)
        if price is None:
            self.unpriced_tokens += usage.tokens
            return
        currency = price.currency
        least, most = _costs(usage, price)
        self.costs[currency] = self.costs.get(currency, Decimal(0)) + least
        self.at_most[currency] = self.at_most.get(currency, Decimal(0)) + most

    def fields(self) -> dict[str, Any]:
        return self.usage._asdict() | {
            "tokens": self.usage.tokens,
            "costs": {name: float(cost) for name, cost in sorted(self.costs.items())},
            "costs_at_most": {name: float(cost) for name, cost in sorted(self.at_most.items())},
            "unpriced_tokens": self.unpriced_tokens,
        }


def summed(
    found: Iterable[UsageOf], parts: Sequence[UsageBy], prices: Prices, *, since: str, until: str
) -> UsageReport:
    """The report: rows in the order of what they stand for.

    Args:
        found: what is stored.
        parts: what a row stands for.
        prices: the prices of models.
        since: the first day.
        until: the last day.
    """
    sums: dict[tuple[str, ...], _Sum] = {}
    total = _Sum()
    for of in found:
        for row in of.rows:
            name = tuple(_value(each, of, row) for each in parts)
            price = prices.of(row.model or DEFAULT_MODEL)
            sums.setdefault(name, _Sum()).add(row.usage, price)
            total.add(row.usage, price)
    rows = [
        UsageRow.parse(each.fields() | dict(zip(map(str, parts), name, strict=True)))
        for name, each in sorted(sums.items())
    ]
    return UsageReport(
        since=since,
        until=until,
        by=tuple(parts),
        rows=tuple(rows),
        total=UsageCounts.parse(total.fields()),
    )


def _costs(usage: Usage, price: Price) -> tuple[Decimal, Decimal]:
    """What calls cost at least, and what they cost if all that is uncertain was charged."""
    ranked = usage.calls - usage.retries
    # A call with many documents may be billed as several searches.
    searches = max(ranked, price.searches(usage.pairs) if price.documents_per_search else 0)
    doubtful = usage.uncertain_calls + usage.retries
    most = price.cost(tokens=usage.tokens + usage.uncertain_tokens, searches=searches + doubtful)
    return price.cost(tokens=usage.tokens, searches=searches), most


def _value(part: UsageBy, of: UsageOf, row: StoredUsage) -> str:
    match part:
        case UsageBy.DAY:
            return of.day
        case UsageBy.BATCH:
            return of.batch
        case UsageBy.TENANT:
            return row.tenant
        case UsageBy.MODEL:
            return row.model or DEFAULT_MODEL
        case UsageBy.SITE:
            return row.site
        case UsageBy.KEY:
            return row.key
