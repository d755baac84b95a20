"""Reads what the ledger holds as a whole: a few commands, none longer for more jobs."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from rerankq.accounts.accounts import Accounts, Allotment
from rerankq.accounts.breakers import TrippedBreaker, sound_breakers
from rerankq.contract import Lane
from rerankq.errors import LedgerUnavailable
from rerankq.ledger.lane_readings import LaneReading, read_lane
from rerankq.ledger.presence import MOST_WORKERS, SILENT_SECONDS
from rerankq.store.store import Store

KINDS: Final = ("http", "celery")
"""Of deliveries."""
MOST_ACCOUNTS: Final = 50


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
        lanes={lane: await read_lane(store, lane, now_ms, workers[lane.value]) for lane in Lane},
        accounts={name: each for name, each in looks.items() if each.in_use},
        breakers={name: e for name, e in tripped.items() if not e.is_unused(name, now_ms)},
        dead=dead or 0,
        poison=poison or 0,
        deliveries={kind: each or 0 for kind, each in zip(KINDS, deliveries, strict=True)},
        redis=await _redis(store),
    )


async def _redis(store: Store) -> Mapping[str, Any]:
    with suppress(LedgerUnavailable):
        found: Mapping[str, Any] = await store.command("INFO")
        return found
    return {}
