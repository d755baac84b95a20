"""Whether workers use this ledger, and which."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from rerankq.contract import Lane
from rerankq.store.store import Store

SILENT_SECONDS: Final = 10.0
"""A worker that was not heard of for so long serves nobody: it says so twice a second."""
MOST_WORKERS: Final = 1000
RECORD_SECONDS: Final = 90.0
"""How long a worker's record is kept; it writes it three times in this time."""


@dataclass(frozen=True, slots=True)
class KnownWorker:
    """A worker that was heard of within a day.

    Attributes:
        name: `LANE.PROCESS@MACHINE.RANDOM`, never used twice.
        silent_seconds: for how long it was not heard of, by Redis' clock.
        version: of rerankq; empty for a worker that has ended, or that does not tell it.
    """

    name: str
    silent_seconds: float
    version: str

    @property
    def lane(self) -> str:
        """The lane that it serves."""
        return self.name.partition(".")[0]

    @property
    def serves(self) -> bool:
        """Whether it was heard of lately."""
        return self.silent_seconds <= SILENT_SECONDS


class Presence:
    """What the ledger knows of workers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def has_had_workers(self) -> bool:
        """Whether a worker ever used this Redis: each one sweeps within a second of its start.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        return bool(await self._store.command("EXISTS", self._store.keys.sweeper))

    async def served_lanes(self) -> set[Lane]:
        """The lanes of which a worker was heard of within `SILENT_SECONDS`.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        seconds, _ = await self._store.command("TIME")
        silent = int((int(seconds) - SILENT_SECONDS) * 1000)
        newest = ("+inf", f"({silent}", "LIMIT", 0, MOST_WORKERS)
        heard = await self._store.command("ZREVRANGEBYSCORE", self._store.keys.last_heard, *newest)
        # The name of a worker begins with its lane, as its node name does. One with another name,
        # such as a stand-in of tests, may serve any.
        served = {name.partition(b".")[0].decode(errors="replace") for name in heard}
        if served - set(Lane):
            return set(Lane)
        return {lane for lane in Lane if lane.value in served}

    async def introduce(self, worker: str, version: str) -> None:
        """Keep what a worker tells of itself for `RECORD_SECONDS`.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        key, about = self._store.keys.worker(worker), orjson.dumps({"version": version})
        await self._store.command("SET", key, about, "PX", int(RECORD_SECONDS * 1000))

    async def workers(self) -> list[KnownWorker]:
        """The workers that were heard of within a day, at most `MOST_WORKERS`; the newest first.

        Raises:
            LedgerUnavailable: Redis did not answer.
        """
        seconds, _ = await self._store.command("TIME")
        newest = ("+inf", "-inf", "WITHSCORES", "LIMIT", 0, MOST_WORKERS)
        flat = await self._store.command("ZREVRANGEBYSCORE", self._store.keys.last_heard, *newest)
        heard = [(_text(name), float(at)) for name, at in _pairs(flat)]
        keys = [self._store.keys.worker(name) for name, _ in heard]
        told = await self._store.command("MGET", *keys) if keys else []
        return [
            KnownWorker(name, max(0.0, int(seconds) - at / 1000), _version(about))
            for (name, at), about in zip(heard, told, strict=True)
        ]


def _pairs(flat: list[Any]) -> list[tuple[Any, Any]]:
    """Members and scores: the library gives pairs or a flat list, by the protocol's version."""
    if flat and isinstance(flat[0], list | tuple):
        return [(name, at) for name, at in flat]
    return list(zip(flat[::2], flat[1::2], strict=True))


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def _version(about: bytes | None) -> str:
    try:
        fields: dict[str, Any] = orjson.loads(about or b"{}")
        return str(fields.get("version", ""))
    except (ValueError, AttributeError):
        return ""
