"""SharedBreakers: keys, models and accounts that may not be used for now, with the reason.

All workers see the same ones, and take turns at probing them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from secrets import token_hex
from typing import Any, Final

import orjson

from rerankq.accounts.scripts import PROBE, TRIP
from rerankq.store.store import Store

UNUSED_MS: Final = 10_000
"""A worker that has jobs for what is closed probes it when that is due, or moments later."""
MODEL_UNUSED_MS: Final = 60_000
"""Jobs of a closed model come back to its worker after a minute at the latest."""

_MODEL: Final = "model "


class BreakerState(StrEnum):
    """`doubted` is not certain yet; `parked` until a probe succeeds; `paused` by an operator."""

    DOUBTED = "doubted"
    PARKED = "parked"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class TrippedBreaker:
    """A closed circuit. Times are ms by Redis' clock.

    Attributes:
        state: how certain it is.
        code: stable name of the reason, such as `upstream_billing`.
        reason: in words.
        strikes: how often in a row it happened; what failed together counts once.
        since: when it first did.
        struck_at: when it was last counted.
        every: time between two probes; 0 for none.
        probe_at: when the next one is due.
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
        """Whether its probe is so long overdue, by Redis' clock, that nobody has a use for it.

        Such is a key that was replaced in every worker, or a model that no job asks for.
        """
        patience = MODEL_UNUSED_MS if name.startswith(_MODEL) else UNUSED_MS
        return self.every > 0 and now_ms - self.probe_at > patience


@dataclass(frozen=True, slots=True)
class Trip:
    """Why a circuit closes, and how it is probed.

    Attributes:
        certain_after: times in a row that it must happen before it is certain.
        doubt_seconds: time to the next probe until then.
        probe_seconds: time between probes from then on; None for none.
    """

    code: str
    reason: str
    certain_after: int = 1
    doubt_seconds: float = 5.0
    probe_seconds: float | None = 60.0
    state: BreakerState = BreakerState.PARKED


class SharedBreakers:
    """The circuits in Redis. Every call raises LedgerUnavailable when Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def trip(self, name: str, trip: Trip) -> BreakerState | None:
        """Close a circuit, or count once more that it is closed.

        Returns:
            Its state; None when so many are closed that no model's is added, and it stays open.
        """
        state = await self._store.run(
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
        return None if state is None else BreakerState(state)

    async def probe(self, *names: str) -> bool:
        """Take the turn to probe all of them; False, and none taken, while one is not due."""
        # The library may send it again after a lost answer: then it is known by its name.
        return await self._store.run(PROBE(token_hex(4), names))

    async def tripped(self) -> dict[str, TrippedBreaker]:
        """All that are closed, by name."""
        stored: dict[bytes, bytes] = await self._store.command("HGETALL", self._store.keys.breakers)
        told = {name.decode(errors="replace"): fields for name, fields in stored.items()}
        return sound_breakers(told)

    async def unused(self, closed: Mapping[str, TrippedBreaker]) -> frozenset[str]:
        """The names of those that no worker has a use for: their state is of long ago."""
        if not closed:
            return frozenset()
        seconds, microseconds = await self._store.command("TIME")
        now_ms = int(seconds) * 1000 + int(microseconds) / 1000
        return frozenset(name for name, each in closed.items() if each.is_unused(name, now_ms))

    async def reset(self, *names: str) -> int:
        """Let them be used again; returns how many were closed."""
        return int(await self._store.command("HDEL", self._store.keys.breakers, *names))


def sound_breakers(stored: Mapping[str, str | bytes]) -> dict[str, TrippedBreaker]:
    """Those of these circuits, as they are stored, that this version can read.

    Another one may know more fields, which it leaves out, or more states: those circuits, and any
    that are damaged, are open here, as far as this worker goes; the others count.
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
    """Name of the circuit of a whole account."""
    return f"account {account}"


def key_breaker(site: str, key_id: str) -> str:
    """Name of the circuit of a key at a site; `key_id` is its fingerprint, never the key."""
    return f"key {site} {key_id}"


def model_breaker(site: str, model: str) -> str:
    """Name of the circuit of a model at a site."""
    return f"{_MODEL}{site} {model}"
