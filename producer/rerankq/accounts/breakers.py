"""The circuit breakers of keys, models and accounts that all workers share.

An open breaker says that its key, model or account may not be used for now, and why. Workers take
turns to probe it. A closed breaker is not stored: all is well.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from secrets import token_hex
from typing import Any, Final, NamedTuple

import orjson

from rerankq.accounts.scripts import PROBE, TRIP
from rerankq.store.store import Store

UNUSED_MS: Final = 10_000
"""A breaker is not in use when its probe has been overdue for this long.

A worker that has jobs for its key or account probes it when that is due, or moments later.
"""
MODEL_UNUSED_MS: Final = 60_000
"""The same for a model: jobs of a model whose breaker is open are tried once a minute or more."""

_MODEL: Final = "model "


class BreakerState(StrEnum):
    """The state of an open breaker.

    `doubted`: not certain yet. `parked`: open until a probe succeeds. `paused`: open until an
    operator resumes it.
    """

    DOUBTED = "doubted"
    PARKED = "parked"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class TrippedBreaker:
    """A breaker that is open. Times are ms by Redis' clock.

    Attributes:
        state: how certain it is.
        code: stable name of the reason, such as `upstream_billing`.
        reason: in words.
        strikes: how often in a row it failed; calls that failed together count once.
        since: when it first failed.
        struck_at: when a failure was last counted.
        every: ms between two probes; 0 for none.
        probe_at: when the next probe is due.
    """

    state: BreakerState
    code: str
    reason: str
    strikes: int
    since: float
    struck_at: float
    every: float
    probe_at: float

    def is_unused(self, name: str, now_ms: float) -> bool:
        """Whether its probe is so long overdue, by Redis' clock, that no worker uses it any more.

        For example, the key was replaced in every worker, or no job asks for the model.
        """
        patience = MODEL_UNUSED_MS if name.startswith(_MODEL) else UNUSED_MS
        return self.every > 0 and now_ms - self.probe_at > patience


@dataclass(frozen=True, slots=True)
class Trip:
    """Why a breaker opens, and how it is probed.

    Attributes:
        certain_after: failures in a row before it is certain.
        doubt_seconds: time to the next probe while it is not certain.
        probe_seconds: time between probes once it is certain; None for no probes.
    """

    code: str
    reason: str
    certain_after: int = 1
    doubt_seconds: float = 5.0
    probe_seconds: float | None = 60.0
    state: BreakerState = BreakerState.PARKED


class Opened(NamedTuple):
    """How a breaker is open.

    Attributes:
        since: when it opened, in ms by Redis' clock.
    """

    state: BreakerState
    since: float


class SharedBreakers:
    """The breakers in Redis. Every call raises LedgerUnavailable when Redis cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def trip(self, name: str, trip: Trip) -> Opened | None:
        """Open a breaker, or count one more failure of one that is open.

        Returns:
            How it is open; None when too many breakers are open to add one of a model: then it
            stays closed.
        """
        opened = await self._store.run(
            TRIP(
                name=name,
                state=trip.state.value,
                code=trip.code,
                reason=trip.reason,
                certain_after=trip.certain_after,
                doubt_ms=int(trip.doubt_seconds * 1000),
                every_ms=int((trip.probe_seconds or 0) * 1000),
            )
        )
        if not opened:
            return None
        state, since = opened
        return Opened(BreakerState(state.decode()), float(since))

    async def probe(self, *names: str) -> bool:
        """Take the turn to probe all of them; False, without a turn, while one is not due."""
        # redis-py may repeat this after a lost answer: the script knows the repeat by the token.
        return await self._store.run(PROBE(token_hex(4), names))

    async def tripped(self) -> dict[str, TrippedBreaker]:
        """All breakers that are open, by name."""
        stored: dict[bytes, bytes] = await self._store.command("HGETALL", self._store.keys.breakers)
        told = {name.decode(errors="replace"): fields for name, fields in stored.items()}
        return sound_breakers(told)

    async def unused(self, tripped: Mapping[str, TrippedBreaker]) -> frozenset[str]:
        """The names of those that no worker uses any more: their state is out of date."""
        if not tripped:
            return frozenset()
        seconds, microseconds = await self._store.command("TIME")
        now_ms = int(seconds) * 1000 + int(microseconds) / 1000
        return frozenset(name for name, each in tripped.items() if each.is_unused(name, now_ms))

    async def reset(self, *names: str) -> int:
        """Close these breakers; returns how many were open."""
        return int(await self._store.command("HDEL", self._store.keys.breakers, *names))


def sound_breakers(stored: Mapping[str, str | bytes]) -> dict[str, TrippedBreaker]:
    """Those of the stored breakers that this version can read.

    Fields that only a later version knows are left out. A breaker that is damaged, or in a state
    that only a later version knows, is left out too: for this worker it is closed.
    """
    read = ((name, _breaker_from(each)) for name, each in stored.items())
    return {name: breaker for name, breaker in read if breaker}


def _breaker_from(stored: str | bytes) -> TrippedBreaker | None:
    try:
        fields: dict[str, Any] = orjson.loads(stored)
        return TrippedBreaker(
            state=BreakerState(fields["state"]),
            code=str(fields["code"]),
            reason=str(fields["reason"]),
            strikes=int(fields["strikes"]),
            since=_finite(fields["since"]),
            struck_at=_finite(fields["struck_at"]),
            every=_finite(fields["every"]),
            probe_at=_finite(fields["probe_at"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(number)
    return number


def account_breaker(account: str) -> str:
    """Name of the breaker of a whole account."""
    return f"account {account}"


def key_breaker(site: str, key_id: str) -> str:
    """Name of the breaker of a key at a site; `key_id` is its fingerprint, never the key."""
    return f"key {site} {key_id}"


def model_breaker(site: str, model: str) -> str:
    """Name of the breaker of a model at a site."""
    return f"{_MODEL}{site} {model}"
