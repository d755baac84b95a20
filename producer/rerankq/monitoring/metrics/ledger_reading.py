"""Reads what the ledger holds as a whole: a few commands, none longer for more jobs."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from rerankq.accounts.accounts import Accounts, Allotment
from rerankq.accounts.breakers import TrippedBreaker, sound_breakers
from rerankq.contract import JobState, Lane
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.presence import MOST_WORKERS, SILENT_SECONDS
from rerankq.ledger.record_fields import record_from
from rerankq.ledger.waiting import REDELIVERED
from rerankq.store.store import Store

HELD: Final = "held"
"""The state of a job that a pause of its batch holds back."""
STATES: Final = (JobState.QUEUED, JobState.SCHEDULED, JobState.RUNNING)
KINDS: Final = ("http", "celery")
"""Of deliveries."""
MOST_ACCOUNTS: Final = 50
_SHARED: Final = 2**51
"""The first place of tenants' jobs: see `tenants/places.lua`."""
_ORDERS: Final = (("-inf", f"({_SHARED}"), (_SHARED, f"({REDELIVERED}"), (REDELIVERED, "+inf"))
"""A lane's orders of announcement, as places from and to."""


@dataclass(frozen=True, slots=True)
class LaneReading:
    """A lane.

    Attributes:
        jobs: how many have not ended, by state.
        oldest_seconds: age of the oldest job at the head of an order of announcement, since it
            could first run; 0 when none is queued.
        workers: how many were heard of lately.
    """

    jobs: Mapping[str, int]
    oldest_seconds: float
    workers: int


@dataclass(frozen=True, slots=True)
class LedgerReading:
    """The ledger at one moment.

    Attributes:
        lanes: each lane.
        accounts: the accounts that are in use, by name.
        breakers: the breakers that workers use, by name.
        dead: failed jobs that are kept.
        poison: messages that were put aside.
        deliveries: what waits to be sent, by kind.
        redis: sections of INFO, by their fields; empty when this user may not ask for it.
    """

    lanes: Mapping[Lane, LaneReading]
    accounts: Mapping[str, Allotment]
    breakers: Mapping[str, TrippedBreaker]
    dead: int
    poison: int
    deliveries: Mapping[str, int]
    redis: Mapping[str, Any]


async def read_ledger(store: Store) -> LedgerReading:
    """Read it.

    Raises:
        LedgerUnavailable: Redis did not answer.
    """
    keys, accounts = store.keys, Accounts(store)
    seconds, _ = await store.command("TIME")
    now_ms = int(seconds) * 1000
    silent_ms = now_ms - int(SILENT_SECONDS * 1000)
    answers = await store.readings(
        ("ZCARD", keys.dead),
        ("LLEN", keys.poison),
        *(("ZCARD", keys.outbox(kind)) for kind in KINDS),
        ("ZREVRANGEBYSCORE", keys.last_heard, "+inf", f"({silent_ms}", "LIMIT", 0, MOST_WORKERS),
        ("HGETALL", keys.breakers),
    )
    dead, poison, *deliveries, heard, breakers = answers
    names = (await accounts.names())[:MOST_ACCOUNTS]
    looks = {name: await accounts.look(name) for name in names}
    workers = Counter(name.partition(b".")[0].decode(errors="replace") for name in heard or ())
    tripped = sound_breakers({n.decode(errors="replace"): e for n, e in (breakers or {}).items()})
    return LedgerReading(
        lanes={lane: await _lane(store, lane, now_ms, workers[lane.value]) for lane in Lane},
        accounts={name: each for name, each in looks.items() if each.in_use},
        breakers={name: e for name, e in tripped.items() if not e.is_unused(name, now_ms)},
        dead=dead or 0,
        poison=poison or 0,
        deliveries={kind: each or 0 for kind, each in zip(KINDS, deliveries, strict=True)},
        redis=await _redis(store),
    )


async def _lane(store: Store, lane: Lane, now_ms: int, workers: int) -> LaneReading:
    keys = store.keys
    queued = keys.lane_set(lane.value, JobState.QUEUED.value)
    answers = await store.readings(
        *(("ZCARD", keys.lane_set(lane.value, each.value)) for each in STATES),
        ("HGET", keys.lane(lane.value), HELD),
        *(("ZRANGEBYSCORE", queued, *places, "LIMIT", 0, 1) for places in _ORDERS),
    )
    sizes, held, heads = answers[: len(STATES)], answers[len(STATES)], answers[len(STATES) + 1 :]
    jobs = {state.value: size or 0 for state, size in zip(STATES, sizes, strict=True)}
    ids = [job_id.decode(errors="replace") for head in heads for job_id in head or ()]
    stored = await store.command("MGET", *map(keys.job, ids)) if ids else []
    return LaneReading(
        jobs={**jobs, HELD: _count(held)},
        oldest_seconds=max((_age(each, now_ms) for each in stored), default=0.0),
        workers=workers,
    )


def _count(stored: bytes | None) -> int:
    """A count in a hash; 0 when something else is stored there."""
    return int(stored) if stored and stored.isdigit() else 0


def _age(record: bytes | None, now_ms: int) -> float:
    fields = record_from(record)
    since = max(fields.get("not_before") or 0, fields.get("submitted") or 0)
    return max(0.0, (now_ms - since) / 1000) if since else 0.0


async def _redis(store: Store) -> Mapping[str, Any]:
    with suppress(LedgerUnavailable):
        found: Mapping[str, Any] = await store.command("INFO")
        return found
    return {}
