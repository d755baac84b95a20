"""Events of permits, limits and circuit breakers, and of failed calls to the ledger.

A breaker is closed while all is well. It opens when calls would fail, half-opens for single calls
that find out whether they still would, and closes when one of these succeeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from rerankq.events.event import Event, JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitWaited(Event):
    """A job has its permit to call.

    Attributes:
        site: the site of the call.
        account: the account of the permit.
        seconds: how long the job waited for it in this worker.
    """

    name: ClassVar[str] = "permit.waited"
    job: JobRef
    site: str
    account: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFound(Event):
    """The upstream's 429s have shown a limit that was not known.

    Attributes:
        account: the account with the limit.
        rate: calls a second of all workers from now on.
        slots: calls in flight of this worker from now on; None where these are not limited.
    """

    name: ClassVar[str] = "limit.found"
    account: str
    rate: float
    slots: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsDiffer(Event):
    """Other workers have lower limits for an account than this one. Told once.

    Attributes:
        account: the account.
        in_force: the limits that are kept, by name.
        own: this worker's settings, by name.
    """

    name: ClassVar[str] = "limits.differ"
    account: str
    in_force: Mapping[str, int]
    own: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerOpened(Event):
    """An account, a key or a model is out of use, or the state of its open breaker has changed.

    For a key or a model, the worker whose call failed tells it; for an account, each worker that
    learns of it.

    Attributes:
        breaker: `account NAME`, `key SITE FINGERPRINT`, or `model SITE NAME`.
        state: `throttled` or `broken` for an account; `doubted` or `parked` for a key or a model.
        reason: why; for an account, with the HTTP status.
        message: what happened, in words; may be empty.
    """

    name: ClassVar[str] = "breaker.opened"
    breaker: str
    state: str
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerHalfOpened(Event):
    """A call begins that finds out whether a breaker can close.

    Attributes:
        breaker: see `BreakerOpened`.
        job: the job of the call.
    """

    name: ClassVar[str] = "breaker.half_opened"
    breaker: str
    job: JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerClosed(Event):
    """An account, a key or a model is in use again.

    Attributes:
        breaker: see `BreakerOpened`.
    """

    name: ClassVar[str] = "breaker.closed"
    breaker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoresChecked(Event):
    """A worker has asked a model about known pairs, and has judged the scores.

    Attributes:
        site: the site that was called.
        model: the site's name for the model.
        outcome: `sane`, or what makes the scores nonsense: `all_equal`, `reversed`, `not_a_number`
            or `out_of_range`.
        repeat: how many answers of this check were nonsense before.
        probe: whether the model is parked, and the answer decides whether it is used again.
    """

    name: ClassVar[str] = "scores.checked"
    site: str
    model: str
    outcome: str
    repeat: int = 0
    probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerNotOpened(Event):
    """A model's breaker would have opened, but too many models' breakers are open.

    Attributes:
        breaker: see `BreakerOpened`.
        reason: why it would have opened.
    """

    name: ClassVar[str] = "breaker.not_opened"
    breaker: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPutAside(Event):
    """A key that all jobs share held a value of another type, and was renamed.

    Attributes:
        key: its name; the value is now under this name with `:put-aside`.
    """

    name: ClassVar[str] = "ledger.key_put_aside"
    key: str


class LedgerOperation(StrEnum):
    """Operations of a worker on the ledger."""

    CLAIM = "claim"
    RENEW = "renew"
    CONFIRM = "confirm"
    """One lease is renewed before its call, because it may have run out."""
    WRITE = "write"
    CHECKPOINT = "checkpoint"
    """What one call has brought is kept, for a job that needs several."""
    SWEEP = "sweep"
    EXCHANGE_PERMITS = "exchange_permits"
    RETURN_PERMITS = "return_permits"
    OPEN_BREAKER = "open_breaker"
    CLOSE_BREAKER = "close_breaker"
    PACK_HISTORY = "pack_history"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCallFailed(Event):
    """Redis did not answer, or refused; nothing is lost, and the worker tries again.

    Attributes:
        operation: the operation that failed.
        subject: the account or the breakers that it was about; empty when it was about jobs.
        jobs: how many jobs it was about.
        message: what happened, in words.
    """

    name: ClassVar[str] = "ledger.call_failed"
    operation: LedgerOperation
    subject: str = ""
    jobs: int = 0
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRecovered(Event):
    """Redis carries out calls of this worker again, after `LedgerCallFailed`.

    Attributes:
        seconds: how long it carried out none.
    """

    name: ClassVar[str] = "ledger.recovered"
    seconds: float
