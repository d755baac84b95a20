"""All kinds of events."""

from typing import Final

from rerankq.events.access import TokenCreated, TokenRevoked
from rerankq.events.batches import BatchAbandoned, BatchCompleted, BatchOpened, BatchSealed
from rerankq.events.calls import CallFinished, CallStarted
from rerankq.events.event import Event
from rerankq.events.jobs import (
    AttemptFailed,
    JobAccepted,
    JobCancelled,
    JobClaimed,
    JobDamaged,
    JobExpired,
    JobFailed,
    JobFaulted,
    JobReleased,
    JobRetried,
    JobRevoked,
    JobsRequeued,
    JobSucceeded,
    JobUnclaimable,
    OutcomeDropped,
    OutcomeRefused,
)
from rerankq.events.limits import (
    BreakerClosed,
    BreakerHalfOpened,
    BreakerNotOpened,
    BreakerOpened,
    KeyPutAside,
    LedgerCallFailed,
    LimitFound,
    LimitsDiffer,
    PermitWaited,
    WorkerIsolated,
    WorkerReconnected,
)

EVENTS: Final[tuple[type[Event], ...]] = (
    JobAccepted,
    JobClaimed,
    AttemptFailed,
    JobSucceeded,
    JobFailed,
    JobExpired,
    JobRetried,
    JobReleased,
    JobRevoked,
    JobCancelled,
    JobFaulted,
    JobUnclaimable,
    OutcomeRefused,
    OutcomeDropped,
    JobDamaged,
    JobsRequeued,
    CallStarted,
    CallFinished,
    PermitWaited,
    LimitFound,
    LimitsDiffer,
    BreakerOpened,
    BreakerHalfOpened,
    BreakerClosed,
    BreakerNotOpened,
    WorkerIsolated,
    WorkerReconnected,
    LedgerCallFailed,
    KeyPutAside,
    BatchOpened,
    BatchSealed,
    BatchCompleted,
    BatchAbandoned,
    TokenCreated,
    TokenRevoked,
)
