"""Sums what is stored of usage to the rows of a report."""

from collections.abc import Iterable, Sequence
from typing import Any

from rerankq.contract import DEFAULT_MODEL, UsageBy, UsageCounts, UsageReport, UsageRow
from rerankq.ledger.usage import StoredUsage, Usage
from rerankq.ledger.usage_readings import UsageOf


def summed(
    found: Iterable[UsageOf], parts: Sequence[UsageBy], *, since: str, until: str
) -> UsageReport:
    """The report: rows in the order of what they stand for.

    Args:
        found: what is stored.
        parts: what a row stands for.
        since: the first day.
        until: the last day.
    """
    sums: dict[tuple[str, ...], Usage] = {}
    total = Usage()
    for of in found:
        for row in of.rows:
            name = tuple(_value(each, of, row) for each in parts)
            sums[name] = sums.get(name, Usage()).plus(row.usage)
            total = total.plus(row.usage)
    rows = [
        UsageRow.parse(_counts(usage) | dict(zip(map(str, parts), name, strict=True)))
        for name, usage in sorted(sums.items())
    ]
    return UsageReport(
        since=since,
        until=until,
        by=tuple(parts),
        rows=tuple(rows),
        total=UsageCounts(**_counts(total)),
    )


def _counts(usage: Usage) -> dict[str, Any]:
    return usage._asdict() | {"tokens": usage.tokens}


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
