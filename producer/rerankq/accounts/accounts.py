"""What all workers together may ask of an account with the upstream: permits, in lots.

A worker asks Redis for a lot a few times a second, not once a call; `allot.lua` has the rules.
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
"""An account is not in use when no worker has reported on it for this long.

A worker that has jobs for it reports far more often, also while the account may not be used.
"""

Mode = Literal["open", "throttled", "broken"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account is known to allow, over all its workers; None when that is not known.

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
    """What a worker did since its last exchange, and what it wants to do next.

    Attributes:
        lane: lane of the work; `interactive` goes first.
        want: calls that it wants to begin until the next exchange.
        want_tokens: their tokens.
        want_slots: calls that it wants to have in flight.
        left: permits it did not use.
        left_tokens: tokens it did not use; below zero when it used more than it was given.
        began: calls begun.
        retries: how many of them were retries.
        in_flight: calls under way.
        ok: answers that were rankings, or refusals of a request's content: the upstream works.
        throttled: calls that were throttled: by a 429, or by another answer that means the same.
        trouble: points of failure that the upstream is to blame for.
        unreached: points of failure for connections that could not be made, perhaps only from here.
        vain: how many jobs in a row got no answer here; 0 after an answer.
        vain_ms: for how long jobs have got no answer here.
        cut_off: why this worker gets no answers while others do; empty when it gets them.
        pause_ms: how long the upstream asked everyone to wait, in a 429 or a good answer.
        trouble_pause_ms: how long it asked everyone to wait in a failure.
        cause: class and HTTP status of the last 429 or failure; never the upstream's words.
        probe_ok: whether a call that was a probe succeeded.
        ranked: fingerprint of the endpoint, if it gave a ranking; else empty.
        astray: the last answers in a row that did not come from the endpoint, such as a proxy's.
        served: for each key that gave a ranking lately, by its fingerprint: ms since the last such
            call began.
        took_ms: the longest that a call with a ranking took lately.
        refused: for each key that every call is refused with here, by its fingerprint: ms since
            that began.
        serial: name of the report. A report that is sent again because its answer was lost has the
            same one and is counted once.
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
        """This report and the `later` one, which follows it, as one."""
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
    """What is at fault when a key is refused to a worker: the worker or the key."""

    WORKER = "worker"
    """Other workers have got rankings with the key since then: the vendor may not allow this
    worker's address."""
    KEY = "key"
    """The key is refused to other workers too, or no worker has got a ranking with it since."""


@dataclass(frozen=True, slots=True)
class Allotment:
    """What a worker may do until its next exchange, and the state of the account.

    Attributes:
        permits: calls to begin.
        tokens: tokens that these calls may cost; the last call may cost more than is left of them.
        slots: calls to have in flight; None without a limit.
        retries: how many of the calls may be retries.
        probe: whether the one permit is for a probe of an account that is out of use.
        ask_ms: ms until the next exchange.
        mode: `open` means usable; a `throttled` or `broken` account gives permits for probes only.
        since: when the account became unusable or was paused, in ms by Redis' clock; else 0.
        cause: class and HTTP status of the last answer that made it unusable or paused it; empty
            while it is usable.
        wait_ms: ms until permits are given out again.
        rate: calls a second, at present.
        limited: whether a limit of the rate is known or was found.
        limits: those that are known; where workers know different ones, the lowest of each.
        workers: how many share the account: those of the same lane, or all for an observer.
        in_flight: slots that they hold together.
        ranked: fingerprint of the endpoint that gave the last ranking; empty before the first.
        served: fingerprints of the keys that gave rankings in the last minute.
        idle_ms: ms since any worker's last exchange, for an observer; else 0.
        alone: whether other workers get answers while this one gets none.
        doubted: whether failures of this worker are not held against the upstream, for now.
        cut_off: the workers that get no answers while others do: by name, why.
        verdicts: by fingerprint of a key that is refused to this worker, what is at fault, once
            that is known.
        others: how many other workers use the account.
        took_ms: the longest that a ranking took lately; 0 when none is known.
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
        """Whether a worker has used the account lately. If not, its state is out of date."""
        return self.idle_ms < IN_USE_MS


class Accounts:
    """The accounts in Redis. Every call raises LedgerUnavailable when Redis cannot be used."""

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
        """Report what the worker did, and get its next lot."""
        told = asdict(report) | {"limits": limits.known()}
        return _allotment(await self._store.run(ALLOT(account, worker, told)))

    async def look(self, account: str) -> Allotment:
        """The state of the account, for an observer: nothing is taken or changed."""
        return await self.exchange(account, "", Limits(), Report(lane="bulk"))

    async def resume(self, account: str) -> bool:
        """Make a throttled, broken or paused account usable; False when it already was."""
        key = self._store.keys.account(account)
        return bool(await self._store.command("HDEL", key, *_CLOSING))


_CLOSING: Final = ("pause", "pause_since", "mode", "mode_since", "reopens", "step", "cause")


def _allotment(answer: bytes) -> Allotment:
    # A value that something else stored may not be UTF-8: only that value is lost, not the answer.
    fields: dict[str, Any] = orjson.loads(answer.decode(errors="replace"))
    # Lua encodes an empty table as an empty object, also where a list is meant (`served`).
    limits, tripped = Limits(**fields.pop("limits")), sound_breakers(fields.pop("breakers"))
    cut_off = {name: str(each.get("cause", "")) for name, each in fields.pop("cut_off").items()}
    served = frozenset(fields.pop("served"))
    verdicts = {key: Blame(each) for key, each in fields.pop("verdicts").items()}
    return Allotment(
        limits=limits, tripped=tripped, cut_off=cut_off, served=served, verdicts=verdicts, **fields
    )
