"""Which models were checked lately for the sense of their scores: each check is one worker's."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from rerankq.store.store import Store

_COMING: Final = ""
"""The outcome of a check that has not ended."""


@dataclass(frozen=True, slots=True)
class LastCheck:
    """The last check of a model at a site.

    Attributes:
        outcome: `sane`, or what made its scores nonsense; empty if it has not ended, or brought no
            scores.
        at: when it ended, in seconds by Redis' clock.
    """

    outcome: str
    at: float


class ScoreTurns:
    """The checks in Redis. Every call raises LedgerUnavailable when Redis cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take(self, site: str, model: str, seconds: float) -> bool:
        """Take the turn to check a model; False if one was made within these seconds."""
        key, ms = self._key(site, model), max(1, int(seconds * 1000))
        return bool(await self._store.command("SET", key, _COMING, "NX", "PX", ms))

    async def come_back(self, site: str, model: str, seconds: float) -> None:
        """The check was not made: the next one is due in so many seconds."""
        await self._store.command("PEXPIRE", self._key(site, model), int(seconds * 1000))

    async def note(self, site: str, model: str, outcome: str) -> None:
        """Keep what a check showed until the next one is due."""
        seconds, _ = await self._store.command("TIME")
        told = orjson.dumps({"outcome": outcome, "at": int(seconds)})
        await self._store.command("SET", self._key(site, model), told, "XX", "KEEPTTL")

    async def last(self, site: str, model: str) -> LastCheck | None:
        """The last check of a model; None if none was made lately, or it has not ended."""
        told = await self._store.command("GET", self._key(site, model))
        try:
            fields: dict[str, Any] = orjson.loads(told or b"")
            return LastCheck(str(fields["outcome"]), float(fields["at"]))
        except (ValueError, TypeError, KeyError):
            return None

    def _key(self, site: str, model: str) -> str:
        return self._store.keys.score_check(site, model)
