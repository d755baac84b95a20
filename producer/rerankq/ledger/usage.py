"""What calls have used: counted where the ledger learns how they ended, by day and by batch.

A worker tells it with the end of a job, or with its postponement, in the same script: so each call
is counted once, however often that is sent. See `lua/usage.lua`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

OTHERS: Final = "*"
"""Stands for a tenant, site, key or model in the row of those for which there was no row left."""
_PARTS: Final = 4


class Usage(NamedTuple):
    """Counts of calls. In Redis they stand in this order: a new one goes to the end.

    The tokens of a call are in one of three figures: what the upstream reported; else what a
    tokenizer counted exactly; else an estimate.

    Attributes:
        jobs: jobs that got their ranking.
        calls: requests that reached the upstream, as far as can be known.
        retries: those of them that brought no ranking.
        uncertain_calls: calls that may have been made besides: their worker died, or broke them
            off, and nobody else knows.
        pairs: pairs of a query and a document that were ranked by a call.
        reported_tokens: of calls whose tokens the upstream told.
        counted_tokens: of calls whose tokens were counted with the model's tokenizer.
        estimated_tokens: of all other calls.
        uncertain_tokens: an estimate for calls that may have been paid for, though they brought no
            ranking: time-outs and server errors, and uncertain calls, where they are known.
        reused_pairs: pairs that were not sent, because their scores were known.
        reused_tokens: an estimate of what these would have cost.
    """

    jobs: int = 0
    calls: int = 0
    retries: int = 0
    uncertain_calls: int = 0
    pairs: int = 0
    reported_tokens: int = 0
    counted_tokens: int = 0
    estimated_tokens: int = 0
    uncertain_tokens: int = 0
    reused_pairs: int = 0
    reused_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All that are known."""
        return self.reported_tokens + self.counted_tokens + self.estimated_tokens

    def plus(self, other: "Usage") -> "Usage":
        """The sum of both."""
        return Usage(*map(sum, zip(self, other, strict=True)))


class CallUsage(NamedTuple):
    """What calls for one job have used by one key.

    Attributes:
        site: name of the site.
        key: fingerprint of the key, never the key itself.
        model: the model, by the job's name for it.
    """

    site: str
    key: str
    model: str
    usage: Usage


class StoredUsage(NamedTuple):
    """What is stored of the calls by one key for one tenant. `tenant` is empty for none."""

    tenant: str
    site: str
    key: str
    model: str
    usage: Usage


def entries(told: Iterable[CallUsage]) -> list[tuple[str, Sequence[int]]]:
    """As `usage.lua` expects it."""
    return [(f"{site} {key} {model}", _short(usage)) for site, key, model, usage in told]


def _short(usage: Usage) -> Sequence[int]:
    """Without the zeros at the end: one is sent with every job."""
    last = 8 if usage.estimated_tokens else 6
    return tuple(usage) if any(usage[last:]) else usage[:last]


def rows_from(fields: Iterable[tuple[str, str]]) -> list[StoredUsage]:
    """The rows of a hash: names and values as they are stored. Damaged ones are left out."""
    return [row for name, value in fields if (row := _row(name, value))]


def _row(name: str, value: str) -> StoredUsage | None:
    parts = name.split(" ", _PARTS - 1)
    if len(parts) != _PARTS:
        return None
    try:
        numbers: list[Any] = [max(0, int(each)) for each in value.split()]
    except ValueError:
        return None
    tenant, site, key, model = parts
    return StoredUsage(tenant, site, key, model, Usage(*numbers[: len(Usage._fields)]))
