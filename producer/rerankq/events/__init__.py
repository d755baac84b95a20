"""Events of jobs, calls, permits, breakers, workers, batches, tokens and webhooks, for listeners.

event       the base class, and the job that an event is about
catalogue   all kinds of events
channel     delivers events to listeners
jobs        from acceptance to an end
calls       calls of the rerank endpoint
limits      permits, limits and circuit breakers, and failed calls to the ledger
workers     a worker's shutdown, its restart, and messages that it refuses
batches     batches of a client
access      tokens
operators   what operators do
requests    requests over HTTP
deliveries  webhooks and callbacks
shadows     copies of jobs for a site that is tried out

No event holds a query, a document, a key or metadata. `docs/events.md` describes each of them.
"""

from rerankq.events.access import TokenCreated, TokenRevoked
from rerankq.events.batches import (
    BatchAbandoned,
    BatchCancelled,
    BatchCompleted,
    BatchEnded,
    BatchOpened,
    BatchPaused,
    BatchResumed,
    BatchSealed,
    ImportBegan,
    ImportEnded,
)
from rerankq.events.calls import RANKED, CallFinished, CallRef, CallStarted, ScoresReused
from rerankq.events.catalogue import EVENTS
from rerankq.events.channel import Events
from rerankq.events.deliveries import (
    CallbackDelivered,
    CallbackFailed,
    WebhookDelivered,
    WebhookDisabled,
    WebhookFailed,
)
from rerankq.events.event import Event, JobRef
from rerankq.events.jobs import (
    AttemptFailed,
    JobAccepted,
    JobCancelled,
    JobClaimed,
    JobDamaged,
    JobExpired,
    JobFailed,
    JobFaulted,
    JobRefused,
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
    LedgerOperation,
    LedgerRecovered,
    LimitFound,
    LimitsDiffer,
    PermitWaited,
    ScoresChecked,
)
from rerankq.events.operators import OperatorActed
from rerankq.events.requests import CallDegraded, FileUploaded, RequestFinished, RequestRefused
from rerankq.events.shadows import ShadowCompared, ShadowFailed
from rerankq.events.workers import (
    BrokerLost,
    BrokerRecovered,
    MessagePutAside,
    WorkerDrained,
    WorkerDraining,
    WorkerIsolated,
    WorkerOutdated,
    WorkerReconnected,
    WorkerRestarting,
)

__all__ = [
    "EVENTS",
    "RANKED",
    "AttemptFailed",
    "BatchAbandoned",
    "BatchCancelled",
    "BatchCompleted",
    "BatchEnded",
    "BatchOpened",
    "BatchPaused",
    "BatchResumed",
    "BatchSealed",
    "BreakerClosed",
    "BreakerHalfOpened",
    "BreakerNotOpened",
    "BreakerOpened",
    "BrokerLost",
    "BrokerRecovered",
    "CallDegraded",
    "CallFinished",
    "CallRef",
    "CallStarted",
    "CallbackDelivered",
    "CallbackFailed",
    "Event",
    "Events",
    "FileUploaded",
    "ImportBegan",
    "ImportEnded",
    "JobAccepted",
    "JobCancelled",
    "JobClaimed",
    "JobDamaged",
    "JobExpired",
    "JobFailed",
    "JobFaulted",
    "JobRef",
    "JobRefused",
    "JobReleased",
    "JobRetried",
    "JobRevoked",
    "JobSucceeded",
    "JobUnclaimable",
    "JobsRequeued",
    "KeyPutAside",
    "LedgerCallFailed",
    "LedgerOperation",
    "LedgerRecovered",
    "LimitFound",
    "LimitsDiffer",
    "MessagePutAside",
    "OperatorActed",
    "OutcomeDropped",
    "OutcomeRefused",
    "PermitWaited",
    "RequestFinished",
    "RequestRefused",
    "ScoresChecked",
    "ScoresReused",
    "ShadowCompared",
    "ShadowFailed",
    "TokenCreated",
    "TokenRevoked",
    "WebhookDelivered",
    "WebhookDisabled",
    "WebhookFailed",
    "WorkerDrained",
    "WorkerDraining",
    "WorkerIsolated",
    "WorkerOutdated",
    "WorkerReconnected",
    "WorkerRestarting",
]
