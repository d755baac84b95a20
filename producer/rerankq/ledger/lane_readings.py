"""How the lanes stand: a few commands, none longer for more jobs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rerankq.contract import JobState, Lane
from rerankq.ledger.presence import MOST_WORKERS, SILENT_SECONDS
from rerankq.ledger.record_fields import record_from
from rerankq.ledger.waiting import REDELIVERED
from rerankq.store.store import Store

HELD: Final = "held"
"""The state of a job that a pause of its batch holds back."""
STATES: Final = (JobState.QUEUED, JobState.SCHEDULED, JobState.RUNNING)
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


class LaneReadings:
    """Reads the lanes. Each call raises LedgerUnavailable when Redis cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def now(self) -> float:
        """Unix seconds by Redis' clock."""
        seconds, micros = await self._store.command("TIME")
        return int(seconds) + int(micros) / 1_000_000

    async def read(self) -> dict[Lane, LaneReading]:
        """All of them."""
        seconds, _ = await self._store.command("TIME")
        now_ms = int(seconds) * 1000
        silent_ms = now_ms - int(SILENT_SECONDS * 1000)
        (heard,) = await self._store.readings(
            *(
                (
                    *("ZREVRANGEBYSCORE", self._store.keys.last_heard, "+inf", f"({silent_ms}"),
                    *("LIMIT", 0, MOST_WORKERS),
                ),
            )
        )
        workers = Counter(name.partition(b".")[0].decode(errors="replace") for name in heard or ())
        return {lane: await read_lane(self._store, lane, now_ms, workers[lane]) for lane in Lane}


async def read_lane(store: Store, lane: Lane, now_ms: int, workers: int) -> LaneReading:
    """One lane.

    Args:
        store: the ledger's Redis.
        lane: which.
        now_ms: the time by Redis' clock.
        workers: how many of its workers were heard of.
    """
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
