"""What all workers together may ask of an account with the upstream: permits, in lots.

A worker comes a few times a second, not once a call; `allot.lua` has the rules.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from secrets import token_hex
from typing import Any, Final, Literal

import orjson

from rerankq.accounts.breakers import TrippedBreaker, sound_breakers
from rerankq.accounts.scripts import ALLOT
from rerankq.store.store import Store

IN_USE_MS: Final = 60_000
"""A worker that has jobs for an account, however closed that is, comes far more often."""

Mode = Literal["open", "throttled", "broken"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account is known to allow, over all its workers; None where that is not known.

    Attributes:
        rpm: requests a minute.
        tpm: tokens a minute.
        concurrency: calls in flight at once.
    """

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None

    def known(self) -> dict[str, int]:
        """Those that are known, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(slots=True)
class Report:
    """What a worker did since its last exchange, and what it would do next.

    Attributes:
        lane: whose work it is; `interactive` goes first.
        want: calls that it would begin until it comes again.
        want_tokens: their tokens.
        want_slots: calls that it would have in flight.
        left: permits it did not use.
        left_tokens: tokens it did not use; below zero when it used more.
        began: calls begun.
        retries: how many of them were retries.
        in_flight: calls under way.
        ok: answers that were rankings, or proper refusals: the upstream is well.
        throttled: 429 and its disguises.
        trouble: points of failure that the upstream is to blame for.
        unreached: points of failure for connections that could not be made, perhaps only from here.
        vain: how many jobs in a row were not answered here; 0 after an answer.
        vain_ms: how long that has been so.
        cut_off: why this worker is not answered, as it is told that others are; empty where it is.
        pause_ms: how long the upstream asked everyone to wait, with a 429 or a good answer.
        trouble_pause_ms: how long it did with a failure.
        cause: class and HTTP status of the last 429 or failure; never the upstream's words.
        probe_ok: whether a call that was a probe succeeded.
        ranked: fingerprint of the endpoint, if it gave a ranking; else empty.
        astray: answers in a row, up to the last, that were not the endpoint's.
        served: by fingerprint of the keys that gave rankings lately: ms since the last such call
            began.
        took_ms: how long calls took lately that were ranked, at most.
        refused: by fingerprint of the keys that are refused here in a row: ms since that began.
        serial: name of the report. One that is sent again, as its answer was lost, is told once.
    """

    lane: str
    want: int = 0
    want_tokens: float = 0.0
    want_slots: int = 0
    left: int = 0
    left_tokens: float = 0.0
    began: int = 0
    retries: int = 0
    in_flight: int = 0
    ok: int = 0
    throttled: int = 0
    trouble: float = 0.0
    unreached: float = 0.0
    vain: int = 0
    vain_ms: float = 0.0
    cut_off: str = ""
    pause_ms: int = 0
    trouble_pause_ms: int = 0
    cause: str = ""
    probe_ok: bool = False
    ranked: str = ""
    astray: int = 0
    served: dict[str, float] = field(default_factory=dict)
    took_ms: float = 0.0
    refused: dict[str, float] = field(default_factory=dict)
    serial: str = field(default_factory=lambda: token_hex(4), compare=False)

    def joined(self, later: "Report") -> "Report":
        """One report of what two tell that follow each other."""
        return Report(
            later.lane,
            began=self.began + later.began,
            retries=self.retries + later.retries,
            ok=self.ok + later.ok,
            throttled=self.throttled + later.throttled,
            trouble=self.trouble + later.trouble,
            unreached=self.unreached + later.unreached,
            vain=later.vain,
            vain_ms=later.vain_ms,
            cut_off=later.cut_off,
            pause_ms=max(self.pause_ms, later.pause_ms),
            trouble_pause_ms=max(self.trouble_pause_ms, later.trouble_pause_ms),
            cause=later.cause or self.cause,
            probe_ok=self.probe_ok or later.probe_ok,
            ranked=later.ranked or self.ranked,
            astray=later.astray + (0 if later.ok else self.astray),
            served=later.served,
            took_ms=later.took_ms,
            refused=later.refused,
        )


class Blame(StrEnum):
    """Who is at fault that a key is refused to a worker."""

    WORKER = "worker"
    """Calls of others by the key were ranked since: this worker's address may not be let in."""
    KEY = "key"
    """It is refused to the others as well, or nobody was ranked by it since."""


@dataclass(frozen=True, slots=True)
class Allotment:
    """What a worker may do until it comes again, and how the account stands.

    Attributes:
        permits: calls to begin.
        tokens: tokens that these may cost; the last call may overdraw them.
        slots: calls to have in flight; None without a limit.
        retries: how many of the calls may be retries.
        probe: whether the one permit is for a probe of a closed account.
        ask_ms: when to come again.
        mode: `throttled` and `broken` accounts give out probes alone.
        since: when it left the mode `open` or was asked to pause, in ms by Redis' clock; else 0.
        cause: class and HTTP status of what closed or paused it last; empty when it is open.
        wait_ms: until something is given out again.
        rate: calls a second, at present.
        limited: whether a limit is known, or one was found out.
        limits: those that are known; where workers know different ones, the lowest of each.
        workers: how many share the account: those of the same lane, or all for who only looks.
        in_flight: slots that they hold together.
        ranked: fingerprint of the endpoint that gave the last ranking; empty before the first.
        served: fingerprints of the keys by which rankings were given in the last minute.
        idle_ms: how long no worker has come, for who only looks; else 0.
        alone: whether others are answered in the time in which this worker is not.
        doubted: whether a failure of this worker is not, or would not be, the upstream's.
        cut_off: why workers are not answered that are alone in that, by their names.
        verdicts: who is at fault that a key is refused to this worker, once that is known.
        others: how many workers beside this one use the account.
        took_ms: how long rankings took lately, at most; 0 where nobody knows.
        now: Redis' clock, in ms.
        tripped: keys, models and accounts that may not be used, by name.
    """

    permits: int
    tokens: float
    slots: int | None
    retries: int
    probe: bool
    ask_ms: float
    mode: Mode
    since: float
    cause: str
    wait_ms: float
    rate: float
    limited: bool
    limits: Limits
    workers: int
    in_flight: float
    ranked: str
    served: frozenset[str]
    idle_ms: float
    alone: bool
    doubted: bool
    cut_off: dict[str, str]
    verdicts: dict[str, Blame]
    others: int
    took_ms: float
    now: int
    tripped: dict[str, TrippedBreaker]

    @property
    def in_use(self) -> bool:
        """Whether a worker has used the account lately: else its state is of long ago."""
        return self.idle_ms < IN_USE_MS


class Accounts:
    """The accounts in Redis. Every call raises LedgerUnavailable when Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def names(self) -> list[str]:
        """Every account that a worker has used in this Redis."""
        return sorted(
            each.decode()
            for each in await self._store.command("SMEMBERS", self._store.keys.accounts)
        )

    async def exchange(
        self, account: str, worker: str, limits: Limits, report: Report
    ) -> Allotment:
        """Tell what was done, and be given the next lot."""
        told = asdict(report) | {"limits": limits.known()}
        return _allotment(await self._store.run(ALLOT(account, worker, told)))

    async def look(self, account: str) -> Allotment:
        """How the account stands, for somebody who does not work with it."""
        return await self.exchange(account, "", Limits(), Report(lane="bulk"))

    async def resume(self, account: str) -> bool:
        """Forget that an account is throttled, broken or asked to pause; False when it was not."""
        key = self._store.keys.account(account)
        return bool(await self._store.command("HDEL", key, *_CLOSING))


_CLOSING: Final = ("pause", "pause_since", "mode", "mode_since", "reopens", "step", "cause")


def _allotment(answer: bytes) -> Allotment:
    # What another hand has stored may be no text: that costs what it is part of, not the answer.
    fields: dict[str, Any] = orjson.loads(answer.decode(errors="replace"))
    # An empty table of Lua's is an empty object in JSON: that is what is meant here.
    limits, tripped = Limits(**fields.pop("limits")), sound_breakers(fields.pop("closed"))
    cut_off = {name: str(each.get("cause", "")) for name, each in fields.pop("cut_off").items()}
    served = frozenset(fields.pop("served"))
    verdicts = {key: Blame(each) for key, each in fields.pop("verdicts").items()}
    return Allotment(
        limits=limits, tripped=tripped, cut_off=cut_off, served=served, verdicts=verdicts, **fields
    )
