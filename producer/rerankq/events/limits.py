"""What happens to permits, limits and circuit breakers; and what the ledger does not answer.

A breaker is closed while all is well. It opens where calls would be in vain, half-opens for single
calls that find out whether they still would be, and closes when one of these is answered.
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
        site: by which it goes.
        account: whose permit it is.
        seconds: how long it waited for it in this worker's hands.
    """

    name: ClassVar[str] = "permit.waited"
    job: JobRef
    site: str
    account: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFound(Event):
    """The upstream's refusals have shown a limit that was not known.

    Attributes:
        account: whose limit it is.
        rate: calls a second of all workers from now on.
        slots: calls in flight of this worker from now on; None where these are not limited.
    """

    name: ClassVar[str] = "limit.found"
    account: str
    rate: float
    slots: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsDiffer(Event):
    """Other workers name lower limits of an account than this one. Said once.

    Attributes:
        account: whose limits they are.
        in_force: those that hold, by name.
        own: those that are set here, by name.
    """

    name: ClassVar[str] = "limits.differ"
    account: str
    in_force: Mapping[str, int]
    own: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerOpened(Event):
    """An account, a key or a model is out of use, or its state has changed while it is.

    Of a key or a model the worker says it whose call failed; of an account each that hears of it.

    Attributes:
        breaker: `account NAME`, `key SITE FINGERPRINT`, or `model SITE NAME`.
        state: `throttled` or `broken` of an account; `doubted` or `parked` of a key or a model.
        reason: why; of an account, with the HTTP status.
        message: what happened, in words; empty where there is no more to say.
    """

    name: ClassVar[str] = "breaker.opened"
    breaker: str
    state: str
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerHalfOpened(Event):
    """A call begins that is to find out whether a breaker can be closed.

    Attributes:
        breaker: see `BreakerOpened`.
        job: whose call it is.
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
class BreakerNotOpened(Event):
    """A breaker would have opened, but too many of models are open.

    Attributes:
        breaker: see `BreakerOpened`.
        reason: why it would have.
    """

    name: ClassVar[str] = "breaker.not_opened"
    breaker: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerIsolated(Event):
    """This worker alone gets no rankings by an account: it takes no jobs for it.

    Attributes:
        account: by which it gets none.
        cause: what its calls meet.
    """

    name: ClassVar[str] = "worker.isolated"
    account: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReconnected(Event):
    """That is over.

    Attributes:
        account: by which it gets rankings again.
    """

    name: ClassVar[str] = "worker.reconnected"
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPutAside(Event):
    """Another hand has put something else in the place of a key that all jobs share.

    Attributes:
        key: of that name; what it held lies under the same with `:put-aside` now.
    """

    name: ClassVar[str] = "ledger.key_put_aside"
    key: str


class LedgerOperation(StrEnum):
    """What a worker asks the ledger for."""

    CLAIM = "claim"
    RENEW = "renew"
    CONFIRM = "confirm"
    """One lease is renewed before its call, as it may have run out."""
    WRITE = "write"
    SWEEP = "sweep"
    EXCHANGE_PERMITS = "exchange_permits"
    RETURN_PERMITS = "return_permits"
    OPEN_BREAKER = "open_breaker"
    CLOSE_BREAKER = "close_breaker"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCallFailed(Event):
    """Redis did not answer, or refused; nothing is lost by it, and it is tried again.

    Attributes:
        operation: what was asked for.
        subject: the account or the breakers that it was about; empty where it was about jobs.
        jobs: how many jobs it was about.
        message: what happened, in words.
    """

    name: ClassVar[str] = "ledger.call_failed"
    operation: LedgerOperation
    subject: str = ""
    jobs: int = 0
    message: str
